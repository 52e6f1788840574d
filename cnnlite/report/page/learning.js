// The same images after each epoch that was kept: filters, maps and scores, under a slider.
"use strict";

cnnlite.behaviours.learning = (() => {
  const { drawPixels, element, text } = cnnlite.maps;
  const chosen = { image: 0 };

  return (section, { data }, signal) => {
    const place = section.querySelector("#learning-place");
    const filters = data.filters && cnnlite.array(data.filters);
    const layers = data.layers.map((layer) => ({
      ...layer, maps: cnnlite.array(layer.maps), ranges: cnnlite.array(layer.ranges),
    }));
    let position = Number(section.querySelector(".slider input").value);
    if (chosen.image >= data.labels.length) chosen.image = 0;

    const images = element("div", { className: "strip images", role: "group", "aria-label": "Image" });
    const said = element("p", { className: "guesses" });
    const rows = element("div", { className: "rows" });
    place.replaceChildren(images, said, rows);
    images.append(...data.labels.map((label, i) => {
      const shot = cnnlite.picture(data.sheet, i, `probe image ${i}: ${label}`, []).firstChild;
      const button = element("button", { type: "button" }, shot, element("span", { textContent: label }));
      button.addEventListener("click", () => { chosen.image = i; show(); });
      return button;
    }));

    function row(words, count, look = "") {
      const canvases = Array.from({ length: count }, () => element("canvas", { role: "img" }));
      const line = element("div", { className: `row ${look}` }, element("span", { textContent: words }),
        element("div", {}, ...canvases));
      rows.append(line);
      return canvases;
    }

    const filterPlaces = filters && row("First-layer filters", filters.shape[1]);
    const mapPlaces = layers.map(({ name, text: kind, maps }) =>
      row(`${name} ${kind.split("(")[0]}`, maps.shape[2], "eight"));

    function show() {
      [...images.children].forEach((button, i) => button.setAttribute("aria-pressed", i === chosen.image));
      const epoch = data.epochs[position];
      const count = data.classes.length, scores = data.scores[position];
      const own = scores.slice(chosen.image * count, (chosen.image + 1) * count);
      said.textContent = `After epoch ${epoch} taken for: ${guess(own)}.`;
      if (filters) {
        const [, number, channels, h, w] = filters.shape, size = channels * h * w;
        filterPlaces.forEach((canvas, f) => {
          const from = (position * number + f) * size;
          drawPixels(canvas, filters.subarray(from, from + size), channels, h, w);
          canvas.setAttribute("aria-label", `filter ${f} after epoch ${epoch}`);
        });
      }
      const at = data.shown[position], step = [...new Set(data.shown)].indexOf(at);
      layers.forEach(({ name, maps, ranges }, i) => {
        const [, number, count_, h, w] = maps.shape;
        mapPlaces[i].forEach((canvas, m) => {
          const which = (step * number + chosen.image) * count_ + m;
          drawPixels(canvas, maps.subarray(which * h * w, (which + 1) * h * w), 1, h, w);
          const [low, high] = [ranges[2 * which], ranges[2 * which + 1]].map(text);
          canvas.title = `map ${m} after epoch ${data.epochs[at]}, from ${low} to ${high}`;
          canvas.setAttribute("aria-label", `layer ${name}, ${canvas.title}`);
        });
      });
    }

    function guess(scores) {
      if (scores.includes(null)) return "nothing: its scores are not finite";
      const most = Math.max(...scores), powers = scores.map((score) => Math.exp(score - most));
      const total = powers.reduce((sum, value) => sum + value, 0), best = scores.indexOf(most);
      return `${data.classes[best]} (${(100 / total).toFixed(1)}%). It is: ${data.labels[chosen.image]}`;
    }

    section.addEventListener("cnnlite:epoch", ({ detail }) => {
      position = detail;
      show();
    }, { signal });
    show();
  };
})();
