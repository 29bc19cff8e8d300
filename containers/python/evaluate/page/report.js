const panel = document.getElementById("operating");
const slider = panel.querySelector("input");
const percent = share => (100 * share).toFixed(1) + "%";
const number = count => count.toLocaleString("en");

function place(name, x, y) {
  const dot = document.querySelector(`[data-marker="${name}"]`);
  const [x0, y0, x1, y1] = dot.dataset.box.split(" ").map(Number);
  dot.setAttribute("cx", x0 + x * (x1 - x0));
  dot.setAttribute("cy", y0 + y * (y1 - y0));
}

function show() {
  const step = Number(slider.value);
  const hits = rows.hits[step], alarms = rows.alarms[step];
  const misses = rows.positives - hits, quiet = rows.negatives - alarms;
  const flagged = hits + alarms, all = rows.positives + rows.negatives;
  const precision = flagged ? hits / flagged : 0, recall = hits / rows.positives;
  panel.querySelector("output").textContent = (step / 100).toFixed(2);
  slider.style.setProperty("--at", step + "%");
  const cells = {hits: [hits, rows.positives], misses: [misses, rows.positives],
                 alarms: [alarms, rows.negatives], quiet: [quiet, rows.negatives]};
  for (const [name, [count, of]] of Object.entries(cells)) {
    const cell = panel.querySelector(`[data-cell="${name}"]`);
    cell.innerHTML = `${number(count)}<small>${percent(count / of)}</small>`;
    cell.style.setProperty("--strength", (8 + 62 * count / of).toFixed(1) + "%");
  }
  const rates = {precision: percent(precision), recall: percent(recall),
                 f1: (flagged ? 2 * hits / (flagged + rows.positives) : 0).toFixed(3), flagged: percent(flagged / all)};
  for (const [name, text] of Object.entries(rates)) {
    panel.querySelector(`[data-rate="${name}"]`).textContent = text;
  }
  place("roc", alarms / rows.negatives, recall);
  place("pr", recall, precision);
}

slider.addEventListener("input", show);
show();
