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

export default function ({ parentElement, data }) {
  const holder = parentElement.querySelector(".delta-chart");
  const frame = parentElement.querySelector(".delta-chart-frame");
  frame.style.height = `${data.height}px`;
  frame.setAttribute("role", "figure");
  frame.setAttribute("aria-label", data.alt);
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
    Plotly.react(holder, figure.data, layout, {
      displaylogo: false,
      displayModeBar: data.modebar ? "hover" : false,
      // Nothing leaves this computer; and what the wheel and a double click do needs no button.
      showSendToCloud: false,
      modeBarButtonsToRemove: [
        "sendChartToCloud", "lasso2d", "select2d", "zoomIn2d", "zoomOut2d", "autoScale2d",
      ],
    });
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
