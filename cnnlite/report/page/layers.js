// The epoch slider of the layers' statistics: a line in each figure, and the table of that epoch.
"use strict";

cnnlite.behaviours.layers = (element, section, signal) => {
  const { epochs, numbers } = section.data;
  const rows = element.querySelectorAll("#layer-numbers tbody tr");
  let position = Number(element.querySelector(".slider input").value);

  function mark(place) {
    const line = {
      type: "line", xref: "x", yref: "paper", y0: 0, y1: 1, x0: epochs[position],
      x1: epochs[position], line: { color: cnnlite.color("--faint"), width: 1 },
    };
    const own = cnnlite.painted(section.figures[place.dataset.figure].layout.shapes ?? []);
    Plotly.relayout(place, { shapes: [...own, line] });
  }

  function show() {
    rows.forEach((row, layer) => {
      row.querySelectorAll("td").forEach((cell, column) => {
        cell.textContent = numbers[position][layer][column];
      });
    });
    element.querySelectorAll(".figure[data-drawn]").forEach(mark);
  }

  const buttons = [...element.querySelectorAll(".legend button")];
  const alone = () => buttons.find((button) => button.ariaPressed === "true")?.dataset.layer;

  function single(place) {
    const chosen = alone();
    const opacity = place.data.map((line) => (!chosen || line.meta === chosen ? 1 : 0.12));
    Plotly.restyle(place, { opacity });
  }

  buttons.forEach((button) => button.addEventListener("click", () => {
    const pressed = button.ariaPressed === "true";
    buttons.forEach((other) => { other.ariaPressed = String(other === button && !pressed); });
    element.querySelectorAll(".figure[data-drawn]").forEach(single);
  }));
  element.querySelectorAll(".figure").forEach((place) => {
    place.addEventListener("cnnlite:drawn", () => {
      mark(place);
      if (alone()) single(place);
    }, { signal });
  });
  element.addEventListener("cnnlite:epoch", ({ detail }) => {
    position = detail;
    show();
  }, { signal });
};
