(function () {
  function by(id) {
    return document.getElementById(id);
  }
  function narrow() {
    var scenario = by("only-scenario").value;
    var verdict = by("only-verdict").value;
    var found = 0;
    document.querySelectorAll("section.scenario").forEach(function (section) {
      var own = 0;
      section.querySelectorAll("tr[data-v]").forEach(function (row) {
        row.hidden = verdict !== "" ? row.getAttribute("data-v") !== verdict : false;
        own += row.hidden ? 0 : 1;
      });
      var other = scenario !== "" ? section.getAttribute("data-scenario") !== scenario : false;
      section.hidden = other || own === 0;
      found += section.hidden ? 0 : own;
      if (verdict !== "") {
        section.querySelectorAll("details").forEach(function (part) {
          part.open = true;
        });
      }
    });
    by("found").textContent = found === 1 ? "1 run" : found + " runs";
  }
  function begin() {
    if (by("filter") === null) {
      return;
    }
    by("filter").hidden = false;
    by("only-scenario").addEventListener("change", narrow);
    by("only-verdict").addEventListener("change", narrow);
    narrow();
  }
  document.addEventListener("renewed", begin);
  begin();
})();
