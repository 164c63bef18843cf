/* Asks for a part of the page again, some seconds after it was drawn, while the page is seen. */

/* An answer that did not come by then is lost: the connection broke, or the page was drawn anew. */
const LOST_MS = 15000;

/* How often it looks whether the app is at rest. */
const LOOK_MS = 100;

/* How long what somebody did may take until the server begins to answer it. */
const ANSWER_MS = 3000;

/* A part must not be asked for between a click that opens another page and that page: Streamlit
   would take the request for one of the page before, and draw nothing. What the browser asked for
   shows only once the app runs. So after a click or a key a part waits until the app has run, or
   for a while where it does not; `owed` tells runs that a part asked for from the others. */
const app = document.querySelector('[data-testid="stApp"]');
const activity = (window.deltaActivity ??= watch());

function watch() {
  const activity = { hands: -Infinity, ran: 0, owed: false };
  const note = () => (activity.hands = performance.now());
  for (const kind of ["pointerdown", "pointerup", "keydown", "popstate"]) {
    window.addEventListener(kind, note, { capture: true });
  }
  const run = () => {
    if (app.dataset.testScriptState !== "running") return;
    if (!activity.owed) activity.ran = performance.now();
    activity.owed = false;
  };
  new MutationObserver(run).observe(app, { attributeFilter: ["data-test-script-state"] });
  return activity;
}

function isAtRest() {
  const { hands, ran } = activity;
  const running = ["running", "rerunRequested"].includes(app.dataset.testScriptState);
  return !running && (ran > hands || performance.now() > hands + ANSWER_MS);
}

export default function ({ parentElement, data, setTriggerValue }) {
  const place = parentElement.querySelector("i");
  const wait = (ms, then) => {
    clearTimeout(place.timer);
    place.timer = setTimeout(then, ms);
  };
  const ask = (waited = 0) => {
    place.waits = document.hidden;
    if (place.waits) return;
    if (waited < LOST_MS && !isAtRest()) {
      wait(LOOK_MS, () => ask(waited + LOOK_MS));
      return;
    }
    wait(LOST_MS, ask);
    activity.owed = true;
    setTriggerValue("due", true);
  };
  const seen = () => {
    if (place.waits && !document.hidden) ask();
  };
  place.end?.();
  place.waits = false;
  wait(data.seconds * 1000, ask);
  document.addEventListener("visibilitychange", seen);
  place.end = () => {
    clearTimeout(place.timer);
    document.removeEventListener("visibilitychange", seen);
  };
  return place.end;
}
