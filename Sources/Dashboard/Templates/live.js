// Keeps the part of the page with the id "live" up to date with the server.
(() => {
  const live = document.getElementById('live');
  const connection = document.getElementById('connection');
  const source = new EventSource(document.currentScript?.dataset.events
    ?? document.querySelector('script[data-events]').dataset.events);
  // The chosen filter and order; applied again to each new table.
  const filter = document.getElementById('filter');
  let order = null;
  const arrange = () => {
    const body = live.querySelector('.jobs tbody');
    if (!body) return;
    const words = (filter?.value ?? '').toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of body.rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
    if (!order) return;
    const text = (row) => row.cells[order.column].textContent.trim();
    const compare = new Intl.Collator('en', {numeric: true}).compare;
    const numeric = order.column >= 3 && order.column <= 5;
    const value = (row) => { const number = parseFloat(text(row)); return Number.isNaN(number) ? Infinity : number; };
    const rows = [...body.rows].sort((a, b) => order.sign
      * (numeric ? (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0) : compare(text(a), text(b))));
    body.append(...rows);
    live.querySelectorAll('.jobs th').forEach((head, column) => {
      if (column === order.column) head.setAttribute('aria-sort', order.sign > 0 ? 'ascending' : 'descending');
      else head.removeAttribute('aria-sort');
    });
  };
  filter?.addEventListener('input', arrange);
  live.addEventListener('click', (event) => {
    const head = event.target.closest('.sort')?.closest('th');
    if (!head) return;
    const column = head.cellIndex;
    order = {column, sign: order?.column === column ? -order.sign : 1};
    arrange();
  });
  // A screen reader hears the number of jobs when it changes, not the whole table each time.
  const summary = document.getElementById('summary');
  let said = live.querySelector('.count')?.textContent;
  const say = () => {
    const count = live.querySelector('.count')?.textContent;
    if (summary && count !== said) { summary.textContent = count ?? ''; said = count; }
  };
  const drop = document.getElementById('drop');
  if (drop) {
    const results = document.getElementById('drop-results');
    const tell = (text) => { const item = document.createElement('li'); item.textContent = text; results.append(item); };
    const isJob = (file) => /\.ya?ml$/i.test(file.name);
    const send = async (files) => {
      const token = document.getElementById('drop-token').value;
      results.replaceChildren();
      if (!files.length) return tell('no file is chosen');
      // Structures are sent first, because a job is read as soon as it arrives.
      for (const file of [...files].sort((a, b) => isJob(a) - isJob(b))) {
        try {
          const answer = await fetch(`inbox?name=${encodeURIComponent(file.name)}`,
            {method: 'POST', headers: {Authorization: `Bearer ${token}`}, body: file});
          tell((await answer.text()).trim());
          if (answer.status === 403) return;
        } catch (error) { tell(`${file.name}: ${error}`); }
      }
    };
    document.getElementById('drop-send').addEventListener('click', () => send(document.getElementById('drop-files').files));
    drop.addEventListener('dragover', (event) => { event.preventDefault(); drop.classList.add('over'); });
    drop.addEventListener('dragleave', () => drop.classList.remove('over'));
    drop.addEventListener('drop', (event) => {
      event.preventDefault();
      drop.classList.remove('over');
      send(event.dataTransfer.files);
    });
  }
  source.onmessage = (event) => {
    // Restores the keyboard focus after the update; does not update while text is selected.
    const focused = live.contains(document.activeElement) ? document.activeElement.getAttribute('href') : null;
    if (!document.getSelection().isCollapsed) return;
    const button = live.contains(document.activeElement) ? document.activeElement.closest('th')?.cellIndex : undefined;
    live.innerHTML = event.data;
    arrange();
    say();
    if (button !== undefined) live.querySelectorAll('.jobs th')[button]?.querySelector('button')?.focus();
    if (focused) live.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  };
  source.onopen = () => { connection.textContent = ''; };
  source.onerror = () => { connection.textContent = 'not connected; trying again'; };
})();
