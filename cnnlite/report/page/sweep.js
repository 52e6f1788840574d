// Parallel coordinates of a sweep: a box over a part of an axis keeps the trials that pass there.
"use strict";

cnnlite.behaviours.parallel = (element, section, signal) => {
  const { lines } = section.data, place = element.querySelector("[data-figure=parallel]");
  const shown = element.querySelector("#sweep-shown"), count = element.querySelector("#sweep-count");
  const kept = new Map(); // axis -> [low, high]
  const EDGE = 0.012; // so that a box around a point at the very end of an axis can be drawn

  const chosen = {
    all: () => true,
    done: ([group]) => group !== "not finished",
    quarter: ([group]) => group === "the best quarter",
    five: ([group], i) => i < 5 && group !== "not finished",
  };

  const passes = ([, , places]) => [...kept].every(([axis, [low, high]]) =>
    places[axis] !== null && places[axis] >= low - EDGE && places[axis] <= high + EDGE);

  function strung(some) {
    const x = [], y = [], customdata = [];
    some.forEach(([, text, places]) => {
      places.forEach((height, axis) => { x.push(axis); y.push(height); customdata.push(text); });
      x.push(null); y.push(null); customdata.push(text);
    });
    return { x, y, customdata };
  }

  function show() {
    const left = lines.filter((line, i) => chosen[shown.value](line, i) && passes(line));
    count.textContent = `${left.length} of ${lines.length} trials`;
    if (!place.dataset.drawn) return;
    const traces = place.data.map(({ name }) =>
      strung(left.filter((line) => name === line[0] || (name === "the best" && line === lines[0]))));
    const { shapes, annotations } = section.figures.parallel.layout;
    const boxes = [...kept].map(([axis, [low, high]]) => ({
      type: "rect", x0: axis - 0.06, x1: axis + 0.06, y0: low, y1: high,
      line: { color: cnnlite.color("--ink"), width: 1 }, fillcolor: cnnlite.color("--edge"), opacity: 0.35,
    }));
    Plotly.update(place,
      { x: traces.map((t) => t.x), y: traces.map((t) => t.y), customdata: traces.map((t) => t.customdata) },
      { shapes: cnnlite.painted([...shapes]).concat(boxes), annotations: cnnlite.painted(annotations), selections: [] });
  }

  function boxed(event) {
    if (!event?.range) return; // a click, or our own clearing of the box
    const { x: [left, right], y: [one, other] } = event.range;
    const inside = lines[0][2].map((_, axis) => axis).filter((axis) =>
      axis >= Math.min(left, right) && axis <= Math.max(left, right));
    inside.forEach((axis) => kept.set(axis, [Math.min(one, other), Math.max(one, other)]));
    show();
  }

  function reset() {
    kept.clear();
    shown.value = "all";
    show();
  }

  place.addEventListener("cnnlite:drawn", () => {
    place.removeAllListeners?.("plotly_selected");
    place.removeAllListeners?.("plotly_doubleclick");
    place.on("plotly_selected", boxed);
    place.on("plotly_doubleclick", reset);
    if (kept.size || shown.value !== "all") show();
  }, { signal });
  shown.addEventListener("change", show, { signal });
  element.querySelector("#sweep-reset").addEventListener("click", reset, { signal });
  show();
};
