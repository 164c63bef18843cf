/* Asks for a part of the page again, some seconds after it was drawn, while the page is seen. */

/* An answer that did not come by then is lost: the connection broke, or the page was drawn anew. */
const LOST_MS = 15000;

export default function ({ parentElement, data, setTriggerValue }) {
  const place = parentElement.querySelector("i");
  const ask = () => {
    place.waits = document.hidden;
    if (place.waits) return;
    place.timer = setTimeout(ask, LOST_MS);
    setTriggerValue("due", true);
  };
  const seen = () => {
    if (place.waits && !document.hidden) ask();
  };
  place.end?.();
  place.waits = false;
  place.timer = setTimeout(ask, data.seconds * 1000);
  document.addEventListener("visibilitychange", seen);
  place.end = () => {
    clearTimeout(place.timer);
    document.removeEventListener("visibilitychange", seen);
  };
  return place.end;
}
