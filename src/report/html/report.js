(function () {
  "use strict";
  var root = document.documentElement;

  function each(list, visit) {
    Array.prototype.forEach.call(list, visit);
  }

  function add(parent, name, text, kind) {
    var element = document.createElement(name);
    if (kind) element.className = kind;
    if (text) element.textContent = text;
    parent.appendChild(element);
    return element;
  }

  // The row of the table that belongs to the place pointed at, by pointer or arrow keys.
  var told = add(document.body, "div", "", "told");
  told.setAttribute("role", "status");
  told.hidden = true;

  function point(figure) {
    var rows = [];
    each(figure.querySelectorAll("tr[data-at]"), function (row) {
      rows.push({ at: Number(row.getAttribute("data-at")), cells: row.children });
    });
    rows.sort(function (a, b) { return a.at - b.at; });
    var head = figure.querySelectorAll("thead th");
    if (!rows.length) return;

    each(figure.querySelectorAll("svg[data-span]"), function (svg) {
      var span = svg.getAttribute("data-span").split(" ").map(Number);
      var view = svg.viewBox.baseVal;
      var guide = document.createElementNS("http://www.w3.org/2000/svg", "line");
      guide.setAttribute("class", "guide");
      guide.setAttribute("y1", "0");
      guide.setAttribute("y2", String(view.height));
      var current = -1;

      function hide() {
        told.hidden = true;
        current = -1;
        if (guide.parentNode) svg.removeChild(guide);
      }

      function show(index, x, y) {
        current = index;
        var row = rows[index];
        told.textContent = "";
        add(told, "b", row.cells[0].textContent);
        for (var i = 1; row.cells.length > i; i += 1) {
          var value = row.cells[i].textContent;
          if (value === "–" ? row.cells.length > 5 : false) continue;
          var line = add(told, "div");
          add(line, "span", head[i].textContent);
          add(line, "i", value);
        }
        told.hidden = false;
        var place = span[0] + row.at * (span[1] - span[0]);
        guide.setAttribute("x1", String(place));
        guide.setAttribute("x2", String(place));
        svg.appendChild(guide);
        var box = svg.getBoundingClientRect();
        var left = x === undefined ? box.left + place / view.width * box.width : x;
        var top = y === undefined ? box.top + 8 : y;
        var right = root.clientWidth - told.offsetWidth - 8;
        told.style.left = Math.max(8, Math.min(left + 14, right)) + "px";
        told.style.top = Math.max(8, Math.min(top + 14, window.innerHeight - told.offsetHeight - 8)) + "px";
      }

      function nearest(x) {
        var box = svg.getBoundingClientRect();
        var at = ((x - box.left) / box.width * view.width - span[0]) / (span[1] - span[0]);
        var best = 0;
        rows.forEach(function (row, i) {
          if (Math.abs(rows[best].at - at) > Math.abs(row.at - at)) best = i;
        });
        return best;
      }

      svg.setAttribute("tabindex", "0");
      svg.addEventListener("pointermove", function (event) {
        show(nearest(event.clientX), event.clientX, event.clientY);
      });
      svg.addEventListener("pointerleave", hide);
      svg.addEventListener("blur", hide);
      svg.addEventListener("keydown", function (event) {
        var last = rows.length - 1;
        var to = {
          ArrowLeft: Math.max(current - 1, 0),
          ArrowRight: Math.min(current + 1, last),
          Home: 0,
          End: last
        }[event.key];
        if (event.key === "Escape") hide();
        if (to === undefined) return;
        event.preventDefault();
        show(to);
      });
    });
  }
  each(document.querySelectorAll("figure"), point);

  // A filter for what is long.
  function filter(before, items, noun) {
    if (8 >= items.length) return;
    var label = document.createElement("label");
    label.className = "filter";
    before.parentNode.insertBefore(label, before);
    add(label, "span", "Filter " + noun);
    var input = add(label, "input");
    input.type = "search";
    var count = add(label, "output");
    input.addEventListener("input", function () {
      var wanted = input.value.trim().toLowerCase();
      var shown = 0;
      each(items, function (item) {
        item.hidden = !item.textContent.toLowerCase().includes(wanted);
        if (!item.hidden) shown += 1;
      });
      count.textContent = wanted ? shown + " of " + items.length : "";
    });
  }
  each(document.querySelectorAll("table"), function (table) {
    var around = table.parentNode.classList.contains("scroll") ? table.parentNode : table;
    filter(around, table.tBodies[0].rows, "rows");
  });
  each(document.querySelectorAll(".panels"), function (panels) {
    filter(panels, panels.querySelectorAll("figure"), "steps");
  });
})();
