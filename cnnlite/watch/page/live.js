// The live page: hears from the training what is new, and tells it what the buttons say.
"use strict";

cnnlite.behaviours.live = (panel, section) => {
  const MOST = 5000; // losses that are remembered
  const PERIOD = 500; // ms between two drawings of what comes between sections
  const EVENTS = {
    lr: ({ old, new: now }) => `learning rate ${short(old)} → ${short(now)}`,
    back: ({ new: now }) => `taken back to step ${now}, as the training had diverged`,
    pause: () => "paused", step: () => "one step", resume: () => "resumed", stop: () => "stopped",
  };
  const part = (name) => panel.querySelector(`[data-live="${name}"]`);
  const short = (value) => value === null ? "–" : String(Number(value.toPrecision(4)));
  const whole = (value) => Math.round(value).toLocaleString("en");
  let version = section.data.version, state = section.data;
  let socket, tries = 0, pace = null;
  let losses = [], rows = []; // the last losses, as [step, loss], and the history

  function connect() {
    const address = new URL(`live?version=${version}`, location.href);
    address.protocol = "ws:";
    socket = new WebSocket(address);
    socket.addEventListener("open", () => {
      tries = 0;
      [losses, rows] = [[], []]; // all of them come again
      part("events").replaceChildren();
    });
    socket.addEventListener("message", ({ data }) => hear(JSON.parse(data)));
    socket.addEventListener("close", () => {
      socket = null;
      show();
      tries += 1;
      setTimeout(connect, Math.min(1000 * 2 ** tries, 15000));
    });
  }

  function hear(message) {
    if (message.type === "section") return place(message);
    if (message.type === "refused") return complain(message.why);
    rows.push(...message.rows);
    message.events.forEach(addEvent);
    const { start, stride, values } = message.losses;
    values.forEach((loss, i) => losses.push([start + i * stride, loss]));
    if (message.step > state.step && message.clock > state.clock) {
      const now = (message.step - state.step) * message.batch_size / (message.clock - state.clock);
      pace = pace === null ? now : 0.8 * pace + 0.2 * now;
    }
    state = message;
    complain(message.refusal);
    show();
  }

  function show() {
    const { epoch, epochs, step, steps, lr, loss, paused, stopping, ended, steering } = state;
    let text = "Training", mood = "runs";
    if (ended !== null) [text, mood] = [ended, "ended"];
    else if (!socket || socket.readyState !== WebSocket.OPEN) [text, mood] = ["No connection: trying again", "ended"];
    else if (stopping) [text, mood] = ["Stopping after this step", "waits"];
    else if (paused) [text, mood] = [`Paused after step ${whole(step)}`, "waits"];
    else if (!steering) [text, mood] = [state.note, epochs && epoch >= epochs ? "ended" : "runs"];
    set("status", text);
    part("status").dataset.mood = mood;
    set("epoch", `${Math.min(epoch + 1, epochs)} of ${epochs}`);
    set("step", `${whole(step)} of ${whole(steps)}`);
    set("loss", short(loss));
    set("lr", short(lr));
    set("rate", pace === null || paused ? "–" : whole(pace));
    part("progress").max = Math.max(1, steps);
    part("progress").value = step;
    part("controls").hidden = !steering || ended !== null;
    const off = !steering || ended !== null || stopping || mood === "ended";
    for (const button of panel.querySelectorAll("[data-do]")) {
      button.disabled = off || (button.dataset.do === "pause" && paused)
        || (button.dataset.do === "resume" && !paused);
    }
    part("wanted").disabled = off;
    part("wanted").placeholder = short(lr);
  }

  function set(name, text) {
    const element = part(name);
    if (element.textContent !== text) element.textContent = text;
  }

  function complain(text) {
    part("refusal").hidden = !text;
    part("refusal").textContent = text;
  }

  function addEvent(event) {
    const line = document.createElement("li");
    const time = new Date(event.time).toLocaleTimeString();
    line.textContent = `Step ${whole(event.step)}, ${time}: ${EVENTS[event.what]?.(event) ?? event.what}`;
    part("events").append(line);
    part("changes").hidden = false;
  }

  // A trace whose `meta` names a column of the history grows with each row, and "losses" with each
  // step, before the sections come that Python makes.
  setInterval(() => {
    if (document.hidden) return;
    losses.splice(0, Math.max(0, losses.length - MOST));
    for (const element of document.querySelectorAll(".figure[data-figure]")) {
      const owner = cnnlite.sections.get(element.closest("section").id);
      grow(element, owner?.figures[element.dataset.figure]?.data ?? []);
    }
  }, PERIOD);

  function points({ column, per_epoch: perEpoch, places }) {
    return column === "losses" ? losses.map(([step, loss]) => [(step + 1) / (perEpoch || 1), loss])
      : rows.filter((row) => column in row).map((row) => [row.epoch + (places ?? 0), row[column]]);
  }

  function grow(element, traces) {
    const more = { x: [], y: [] }, places = [];
    traces.forEach((trace, i) => {
      if (!trace.meta?.column) return;
      const newest = points(trace.meta);
      after(newest, trace.x).forEach(([x, y]) => { trace.x.push(x); trace.y.push(y); });
      const fresh = element.dataset.drawn ? after(newest, element.data[i].x) : [];
      if (!fresh.length) return;
      places.push(i);
      more.x.push(fresh.map(([x]) => x));
      more.y.push(fresh.map(([, y]) => y));
      if (trace.meta.column.endsWith("loss") || trace.meta.column === "losses") {
        widen(element, (trace.yaxis ?? "y").replace("y", "yaxis"), more.y.at(-1));
      }
    });
    if (places.length) Plotly.extendTraces(element, more, places);
  }

  function after(newest, x) {
    const last = x.at(-1) ?? -Infinity;
    return newest.filter(([place]) => place > last);
  }

  function widen(element, name, values) {
    const { range, type } = element.layout?.[name] ?? {};
    const low = Math.min(...values.filter(Number.isFinite));
    if (!range || type === "log" || !(low < range[0])) return;
    Plotly.relayout(element, { [`${name}.range`]: [low - 0.05 * (range[1] - low), range[1]] });
  }

  function place(made) {
    version = Math.max(version, made.version);
    if (!document.getElementById(made.id)) {
      const element = document.createElement("section");
      element.id = made.id;
      element.setAttribute("aria-labelledby", `${made.id}-title`);
      const heading = document.createElement("h2"), body = document.createElement("div");
      heading.id = `${made.id}-title`;
      body.className = "body";
      element.append(heading, body);
      const link = document.createElement("li"), anchor = document.createElement("a");
      anchor.href = `#${made.id}`;
      anchor.textContent = made.title;
      link.append(anchor);
      document.getElementById(made.after).after(element);
      document.querySelector(`nav a[href="#${CSS.escape(made.after)}"]`).closest("li").after(link);
    }
    cnnlite.update(made);
  }

  function send(message) {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  }

  panel.addEventListener("click", ({ target }) => {
    const what = target.closest("button[type=button]")?.dataset.do;
    if (what) send({ do: what });
  });
  part("controls").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = part("wanted").value.trim().replace(",", "."), value = Number(text);
    if (!text || !Number.isFinite(value) || value < 0) return complain(`${text || "Nothing"} is no learning rate: expected a number of at least 0`);
    send({ do: "lr", value });
    part("wanted").value = "";
  });

  show();
  connect();
};
