// The images of a cell of the confusion matrix, and the most confident mistakes.
"use strict";

cnnlite.behaviours.confusion = (element, section, signal) => {
  const { cells, counts, captions, names, sheet, classes, first } = section.data;
  if (!sheet) return;
  const choose = element.querySelector("#cell-true"), taken = element.querySelector("#cell-taken");
  const count = element.querySelector("#cell-count");
  const place = element.querySelector("#cell-pictures");

  function show() {
    const key = `${choose.value},${taken.value}`;
    const inside = cells[key] ?? [], total = counts[key] ?? 0;
    const what = choose.value === taken.value ? "right" : "mistaken";
    count.textContent = total === 0 ? "No image." :
      `${total.toLocaleString("en")} ${total === 1 ? "image" : "images"} ${what}` +
      (inside.length < total ? `; ${inside.length} of them are in this page.` : ".");
    place.replaceChildren(...inside.map((number) => {
      const label = `image ${names[number]}: ${classes[choose.value]}, ` +
        `taken for ${classes[taken.value]}, ${captions[number]}`;
      return cnnlite.picture(sheet, number, label, [captions[number]]);
    }));
  }

  [choose.value, taken.value] = first;
  choose.addEventListener("change", show);
  taken.addEventListener("change", show);
  element.querySelector("[data-figure=matrix]").addEventListener("cnnlite:drawn", ({ target }) => {
    target.removeAllListeners?.("plotly_click");
    target.on("plotly_click", ({ points: [{ pointIndex }] }) => {
      [choose.value, taken.value] = pointIndex;
      choose.dataset.chosen = taken.dataset.chosen = "yes";
      show();
    });
  }, { signal });
  show();
};

cnnlite.behaviours.mistakes = (element, section) => {
  const { sheet, names, said, true: classes } = section.data;
  if (!sheet) return;
  element.querySelector("#mistake-pictures").replaceChildren(...names.map((name, number) => {
    const [[taken, chance]] = said[number];
    const label = `image ${name}: ${classes[number]}, taken for ${taken}, ${chance}`;
    const lines = [`${taken} ${chance}`, `is ${classes[number]}`];
    return cnnlite.picture(sheet, number, label, lines);
  }));
};
