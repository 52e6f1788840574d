// The live page: hears from the training what is new, and tells it what the buttons say.
"use strict";

cnnlite.behaviours.live = (panel, section) => {
  const PERIOD = 500; // ms between two drawings of the losses within an epoch
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
  let waiting = []; // losses that are not drawn yet: [step, loss]

  function connect() {
    const address = new URL(`live?version=${version}`, location.href);
    address.protocol = "ws:";
    socket = new WebSocket(address);
    socket.addEventListener("open", () => { tries = 0; part("events").replaceChildren(); });
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
    message.rows.forEach(addRow);
    message.events.forEach(addEvent);
    const { start, stride, values } = message.losses;
    values.forEach((loss, i) => waiting.push([start + i * stride, loss]));
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
    else if (!steering) [text, mood] = [state.note, "runs"];
    set("status", text);
    part("status").dataset.mood = mood;
    set("epoch", `${Math.min(epoch + 1, epochs)} of ${epochs}`);
    set("step", `${whole(step)} of ${whole(steps)}`);
    set("loss", short(loss));
    set("lr", short(lr));
    set("rate", pace === null || paused ? "–" : whole(pace));
    part("progress").max = Math.max(1, steps);
    part("progress").value = step;
    part("controls").hidden = !steering;
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

  // Curves: a trace whose `meta` names a column of the history grows by each row, at once; the
  // sections that Python makes follow.
  function traces(column, add) {
    for (const element of document.querySelectorAll(".figure")) {
      const owner = cnnlite.sections.get(element.closest("section").id);
      const figure = owner?.figures[element.dataset.figure];
      figure?.data.forEach((trace, i) => {
        if (trace.meta?.column === column) add(trace, i, element);
      });
    }
  }

  function extend(element, trace, i, x, y) {
    const last = trace.x.at(-1) ?? -Infinity;
    const fresh = x.map((_, k) => k).filter((k) => x[k] > last);
    if (!fresh.length) return;
    const more = { x: [fresh.map((k) => x[k])], y: [fresh.map((k) => y[k])] };
    trace.x.push(...more.x[0]); // for the next drawing
    trace.y.push(...more.y[0]);
    if (element.dataset.drawn) Plotly.extendTraces(element, more, [i]);
  }

  function addRow(row) {
    for (const [column, value] of Object.entries(row)) {
      traces(column, (trace, i, element) => extend(element, trace, i, [row.epoch], [value]));
    }
  }

  setInterval(() => {
    if (!waiting.length || document.hidden) return;
    const steps = waiting.map(([step]) => step), values = waiting.map(([, loss]) => loss);
    waiting = [];
    traces("losses", (trace, i, element) => {
      const scale = trace.meta.per_epoch || 1;
      extend(element, trace, i, steps.map((step) => (step + 1) / scale), values);
      widen(element, trace.yaxis ?? "y", values);
    });
  }, PERIOD);

  function widen(element, axis, values) {
    const name = axis.replace("y", "yaxis"), shown = element.layout?.[name]?.range;
    const low = Math.min(...values);
    if (!shown || element.layout[name].type === "log" || low >= shown[0]) return;
    Plotly.relayout(element, { [`${name}.range`]: [low - 0.05 * (shown[1] - low), shown[1]] });
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
