// Keeps the part of the page with the id "live" as the server has it.
(() => {
  const live = document.getElementById('live');
  const connection = document.getElementById('connection');
  const source = new EventSource(document.currentScript?.dataset.events
    ?? document.querySelector('script[data-events]').dataset.events);
  source.onmessage = (event) => {
    // What somebody has marked or is reading with the keyboard is not taken away.
    const focused = live.contains(document.activeElement) ? document.activeElement.getAttribute('href') : null;
    if (!document.getSelection().isCollapsed) return;
    live.innerHTML = event.data;
    if (focused) live.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  };
  source.onopen = () => { connection.textContent = ''; };
  source.onerror = () => { connection.textContent = 'not connected; trying again'; };
})();
