(function () {
  var pause = document.getElementById("pause");
  var heard = document.getElementById("heard");
  var every = 1000 * Number(pause.getAttribute("data-every"));
  var state = null;
  var paused = false;
  var stops = "a,button,select,summary,[tabindex]";
  function said(text) {
    if (heard.textContent !== text) {
      heard.textContent = text;
    }
  }
  function renew(text) {
    var page = new DOMParser().parseFromString(text, "text/html");
    if (page.getElementById("pause") === null) {
      window.location.reload();
      return;
    }
    var old = document.querySelector("main");
    var main = page.querySelector("main");
    var focused = Array.prototype.indexOf.call(old.querySelectorAll(stops), document.activeElement);
    var parts = main.querySelectorAll("details");
    old.querySelectorAll("details").forEach(function (part, i) {
      if (parts[i]) {
        parts[i].open = part.open;
      }
    });
    old.querySelectorAll("select").forEach(function (choice) {
      var chosen = main.querySelector("#" + choice.id);
      if (chosen) {
        chosen.value = choice.value;
      }
    });
    old.replaceWith(document.adoptNode(main));
    document.title = page.title;
    document.dispatchEvent(new Event("renewed"));
    var stop = main.querySelectorAll(stops)[focused];
    if (stop) {
      stop.focus({ preventScroll: true });
    }
  }
  function look() {
    if (paused || document.hidden) {
      window.setTimeout(look, every);
      return;
    }
    var fields = state === null ? {} : { "If-None-Match": state };
    var ask = { headers: fields, cache: "no-store", credentials: "omit", redirect: "error" };
    fetch(window.location.pathname, ask)
      .then(function (answer) {
        if (answer.status === 304) {
          return null;
        }
        if (!answer.ok) {
          throw new Error(answer.status);
        }
        state = answer.headers.get("ETag");
        return answer.text();
      })
      .then(function (text) {
        said("");
        if (text !== null) {
          renew(text);
        }
      })
      .catch(function () {
        said("plimsoll serve does not answer");
      })
      .then(function () {
        window.setTimeout(look, every);
      });
  }
  pause.hidden = false;
  pause.addEventListener("click", function () {
    paused = !paused;
    pause.textContent = paused ? "Go on" : "Pause";
  });
  window.setTimeout(look, every);
})();
