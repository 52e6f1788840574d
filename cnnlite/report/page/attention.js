// Where the network looks: an image beside its Grad-CAM and its occlusion, for a class; and the
// hardest and the easiest images.
"use strict";

cnnlite.behaviours.attention = (() => {
  const { element, text } = cnnlite.maps;
  const chosen = { image: 0, class: null };

  return (section, { data }) => {
    const place = section.querySelector("#attention-place");
    if (!place) return;
    const cams = cnnlite.array(data.cams), occlusions = cnnlite.array(data.occlusions);
    if (chosen.image >= data.names.length) chosen.image = 0;
    const images = element("div", { className: "strip images", role: "group", "aria-label": "Image" });
    const select = element("select", { id: "attention-class" });
    const label = element("label", { className: "tools" }, "Class ", select);
    const views = element("div", { className: "views" });
    place.replaceChildren(images, label, views);

    function rows(array, image, klass) {
      const [, classes, h, w] = array.shape, from = (image * classes + klass) * h * w;
      return { values: array.subarray(from, from + h * w), h, w };
    }

    async function show() {
      [...images.children].forEach((button, i) => button.setAttribute("aria-pressed", i === chosen.image));
      const names = data.classes[chosen.image], chances = data.chances[chosen.image];
      const percent = (chance) => (chance === null ? "not finite" : `${(100 * chance).toFixed(1)}%`);
      select.replaceChildren(...names.map((name, i) => element("option", { value: i, textContent:
        `${name}: ${percent(chances[i])}${name === data.labels[chosen.image] ? " (it is one)" : ""}` })));
      const klass = Math.max(0, names.indexOf(chosen.class));
      select.value = klass;
      const { image, canvas, caption } = view(`Image ${data.names[chosen.image]}: ${data.labels[chosen.image]}`);
      await paint(canvas, []);
      const cam = view(""), cover = view(""), speaks = rows(cams, chosen.image, klass);
      const most = Math.max(0, ...speaks.values.filter(Number.isFinite));
      cam.caption.textContent = most > 0
        ? `Grad-CAM at layer ${data.layer}: orange is where its maps speak for ${names[klass]}.`
        : `Grad-CAM at layer ${data.layer}: nothing here speaks for ${names[klass]}.`;
      await paint(cam.canvas, [...speaks.values].map((v) => (most > 0 && Number.isFinite(v) ? v / most : 0)), speaks.h, speaks.w);
      const shown = [image, cam.image];
      if (chosen.image < occlusions.shape[0] && chances[klass] !== null) {
        const left = rows(occlusions, chosen.image, klass);
        const drops = [...left.values].map((v) => chances[klass] - v).map((v) => (Number.isFinite(v) ? v : 0));
        const worst = Math.max(0, ...drops);
        cover.caption.textContent = `Occlusion: orange is where a grey square costs ${names[klass]} its ` +
          `probability, at most ${text(100 * worst)} points of ${percent(chances[klass])}.`;
        await paint(cover.canvas, drops.map((v) => (worst > 0 ? Math.max(0, v) / worst : 0)), left.h, left.w);
        shown.push(cover.image);
      }
      for (const figure of shown) {
        figure.firstChild.setAttribute("aria-label", figure.lastChild.textContent);
      }
      caption.hidden = false;
      views.replaceChildren(...shown);
    }

    function view(words) {
      const canvas = element("canvas", { role: "img" }), caption = element("figcaption", { textContent: words });
      return { canvas, caption, image: element("figure", {}, canvas, caption) };
    }

    // The image with heat over it: shares from 0 to 1 on a coarser grid, smoothly enlarged.
    async function paint(canvas, heat, h, w) {
      const small = cnnlite.picture(data.sheet, chosen.image, "", []).firstChild;
      await cnnlite.ready(data.sheet);
      const scale = Math.max(1, Math.round(320 / Math.max(small.width, small.height)));
      Object.assign(canvas, { width: small.width * scale, height: small.height * scale });
      const context = canvas.getContext("2d");
      context.imageSmoothingEnabled = false;
      context.drawImage(small, 0, 0, canvas.width, canvas.height);
      if (!heat.length) return;
      const layer = element("canvas", { width: w, height: h }), picture = new ImageData(w, h);
      heat.forEach((share, i) => picture.data.set([255, 120, 0, Math.round(225 * share)], 4 * i));
      layer.getContext("2d").putImageData(picture, 0, 0);
      const under = context.getImageData(0, 0, canvas.width, canvas.height);
      for (let i = 0; i < under.data.length; i += 4) { // grey and dim, so that heat is seen on any colour
        const [r, g, b] = under.data.subarray(i, i + 3);
        under.data.fill(0.6 * (0.299 * r + 0.587 * g + 0.114 * b), i, i + 3);
      }
      context.putImageData(under, 0, 0);
      context.imageSmoothingEnabled = true;
      context.drawImage(layer, 0, 0, canvas.width, canvas.height);
    }

    images.append(...data.names.map((name, i) => {
      const shot = cnnlite.picture(data.sheet, i, `image ${name}: ${data.labels[i]}`, []).firstChild;
      const right = data.classes[i][0] === data.labels[i];
      const button = element("button", { type: "button", title: `image ${name}` }, shot,
        element("span", { textContent: data.labels[i] }),
        element("span", { className: "faint", textContent: right ? "right" : `as ${data.classes[i][0]}` }));
      button.addEventListener("click", () => { Object.assign(chosen, { image: i, class: null }); show(); });
      return button;
    }));
    select.addEventListener("change", () => {
      chosen.class = data.classes[chosen.image][select.value];
      show();
    });
    show();
  };
})();

cnnlite.behaviours.difficulty = (section, { data }) => {
  for (const name of ["hardest", "easiest"]) {
    const place = section.querySelector(`#difficulty-${name}`), group = data[name];
    place?.replaceChildren(...group.lines.map((lines, i) =>
      cnnlite.picture(group.sheet, i, group.labels[i], lines)));
  }
};
