(function () {
  var root = document.documentElement;
  var button = document.getElementById("theme");
  var query = window.matchMedia("(prefers-color-scheme: dark)");
  function dark() {
    var chosen = root.getAttribute("data-theme");
    return chosen ? chosen === "dark" : query.matches;
  }
  function name() {
    button.textContent = dark() ? "Light" : "Dark";
  }
  button.hidden = false;
  button.addEventListener("click", function () {
    root.setAttribute("data-theme", dark() ? "light" : "dark");
    name();
  });
  query.addEventListener("change", name);
  name();
})();
