/* A Plotly chart that stays the same one while data arrives: zoom and hidden traces are kept. */

const loading = (window.deltaPlotly ??= {});

function plotly(address) {
  return (loading[address] ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL(address, document.baseURI).href;
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => {
      delete loading[address];
      reject(new Error(`${script.src} cannot be loaded`));
    };
    document.head.append(script);
  }));
}

/* A colour of the theme at a share of its strength; Plotly knows no color-mix. */
function faded(color, share) {
  const canvas = document.createElement("canvas").getContext("2d");
  canvas.fillStyle = color;
  canvas.fillRect(0, 0, 1, 1);
  const [red, green, blue] = canvas.getImageData(0, 0, 1, 1).data;
  return `rgba(${red},${green},${blue},${share})`;
}

/* The theme's colours and font, as Streamlit gives them to its own Plotly charts; what the figure
   says itself stands above them. */
function themed(layout, style) {
  const of = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
  const text = of("--st-text-color", "#444");
  const quiet = faded(text, 0.6);
  const lines = faded(text, 0.12);
  const font = { family: of("--st-font", "sans-serif"), size: 12, color: text };
  const axis = {
    gridcolor: lines,
    zerolinecolor: lines,
    linecolor: lines,
    tickcolor: lines,
    tickfont: { color: quiet, size: 11 },
    ticklabelstandoff: 4,
    title: { font: { color: quiet, size: 12 } },
  };
  const template = {
    layout: {
      font,
      title: { font: { color: text, weight: 600 } },
      legend: { font: { size: 11, color: text } },
      xaxis: { ...axis, showgrid: false, zeroline: false },
      yaxis: axis,
      hoverlabel: {
        bgcolor: of("--st-background-color", "#fff"),
        bordercolor: lines,
        font,
      },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: quiet, activecolor: text },
      ...layout.template?.layout,
    },
  };
  return { ...layout, template };
}

/* Charts of one group show the same thing: what the pointer is at in one is told in the others.
   A point's number is the first of its customdata. */
const groups = (window.deltaCharts ??= {});

const numberOf = (event) => event?.points?.[0]?.customdata?.[0];

/* Where a number stands in a chart; in a heat map, in its column's largest cell. */
function placeOf(holder, number) {
  for (const [curveNumber, trace] of (holder._fullData ?? []).entries()) {
    const numbers = trace.customdata;
    if (!numbers) continue;
    if (trace.type === "heatmap") {
      const column = Array.from(numbers[0] ?? []).findIndex((each) => each[0] === number);
      if (column < 0) continue;
      const values = Array.from(trace.z, (row) => row[column]);
      const row = values.reduce((best, value, at) => (value > values[best] ? at : best), 0);
      return { curveNumber, pointNumber: [row, column] };
    }
    const pointNumber = Array.from(numbers).findIndex((each) => each[0] === number);
    if (pointNumber >= 0) return { curveNumber, pointNumber };
  }
  return null;
}

function tellOthers(Plotly, holder, number) {
  for (const other of groups[holder.group] ?? []) {
    if (!other.isConnected) groups[holder.group].delete(other);
    else if (other !== holder) {
      const place = number === undefined ? null : placeOf(other, number);
      if (place) Plotly.Fx.hover(other, [place], "xy", true);
      else if (other.told) Plotly.Fx.unhover(other, {}, "xy");
      other.told = place !== null;
    }
  }
}

/* Clicks and hovers, listened to once; what they do is what the chart was drawn with last. */
function listen(Plotly, holder) {
  if (holder.listens) return;
  holder.listens = true;
  holder.on("plotly_click", (event) => {
    const number = numberOf(event);
    if (number !== undefined) holder.pick?.(number);
  });
  holder.on("plotly_hover", (event) => tellOthers(Plotly, holder, numberOf(event)));
  holder.on("plotly_unhover", () => tellOthers(Plotly, holder, undefined));
}

export default function ({ parentElement, data, setTriggerValue }) {
  const holder = parentElement.querySelector(".delta-chart");
  const frame = parentElement.querySelector(".delta-chart-frame");
  frame.style.height = `${data.height}px`;
  frame.setAttribute("role", "figure");
  frame.setAttribute("aria-label", data.alt);
  frame.classList.toggle("delta-chart-picks", data.picks);
  holder.pick = data.picks ? (number) => setTriggerValue("picked", number) : null;
  holder.group = data.linked;
  if (data.linked) (groups[data.linked] ??= new Set()).add(holder);
  let ended = false;

  const draw = (Plotly) => {
    if (ended || !frame.clientWidth) return;
    const style = getComputedStyle(frame);
    const look = [style.color, style.getPropertyValue("--st-text-color"), frame.clientWidth];
    const drawn = `${look.join()} ${data.figure}`;
    if (holder.drawn === drawn) return;
    const figure = JSON.parse(data.figure);
    const layout = themed(figure.layout, style);
    layout.width = frame.clientWidth;
    layout.height = data.height;
    holder.drawn = drawn;
    holder.told = false;
    Plotly.react(holder, figure.data, layout, {
      displaylogo: false,
      displayModeBar: data.modebar ? "hover" : false,
      // Nothing leaves this computer; and what the wheel and a double click do needs no button.
      showSendToCloud: false,
      modeBarButtonsToRemove: [
        "sendChartToCloud", "lasso2d", "select2d", "zoomIn2d", "zoomOut2d", "autoScale2d",
      ],
    }).then(() => listen(Plotly, holder));
  };

  let observer;
  plotly(data.plotly).then(
    (Plotly) => {
      if (ended) return;
      draw(Plotly);
      observer = new ResizeObserver(() => draw(Plotly));
      observer.observe(frame);
    },
    (error) => {
      holder.textContent = `This chart cannot be drawn: ${error.message}. Load the page again.`;
    },
  );
  return () => {
    ended = true;
    observer?.disconnect();
  };
}
