// One event stream per browser, shared by its tabs.
//
// The tab that holds the Web Lock `name` leads: it alone has an EventSource and repeats every message on the
// BroadcastChannel `name`. The others queue for the lock; when the leader goes, the next one has it and asks the server
// from the last id it heard. States carry versions, so hearing one twice is harmless, and every doubt (a new tab, a new
// leader, a page back from the bfcache) is resolved by asking again from an older id. `name` is made of an opaque key of
// the person, so tabs of different people never share.
//
// The server speaks as soon as a stream is open and at least every fifteen seconds. Where something on the way holds that
// back, the leader asks every two seconds for what the stream would have said.

const RETRY_FIRST_MS = 1_000;
const RETRY_LAST_MS = 30_000;
const PATIENCE_MS = 2_000; // how long a gap lasts before anybody is told
const SILENT_AT_FIRST_MS = 2_500; // then the stream is held back on its way
const SILENT_LATER_MS = 40_000; // then its connection is dead
const ASK_MS = 2_000;
const OVERLAP_MS = 5_000; // commits may become visible a little out of order
const REMEMBERED = 256; // messages kept to repeat to tabs that join
const EVENTS = ["state", "marks"]; // the islands are told the first; both are heard on the window as `atelier:…`

// `page` says whose page this is: once somebody else has signed in, the server refuses it.
// Calls `onState(data, id)` for every state after `since` (server time, Unix ms) and `onLate(boolean)` when live updates
// have been missing for a while, and when they are back.
export function follow(page, since, onState, onLate) {
  const name = `atelier-${page}`;
  const address = (from) => `/events?page=${page}&since=${from}`;
  let present = false;
  let leading = false;
  let last = since;
  let oldest = since; // everything after this has been heard or is in `recent`
  let recent = [];
  let source, channel, queue, release, retryTimer, patience, silence;
  let hasSpoken = false;
  let failures = 0;

  const tell = (message) => channel?.postMessage(message);

  const hear = ({ id, event = "state", data }) => {
    last = Math.max(last, id);
    if (event === "state") onState(data, id);
    // For what on the page is no island.
    dispatchEvent(new CustomEvent(`atelier:${event}`, { detail: data }));
  };

  // The gap counts from its beginning: attempts that fail on the way do not make it shorter.
  const late = (is) => {
    if (is) return (patience ??= setTimeout(onLate, PATIENCE_MS, true));
    clearTimeout(patience);
    patience = undefined;
    onLate(false);
  };

  const connected = (is) => {
    late(!is);
    tell({ late: !is });
  };

  const pass = (message) => {
    if (recent.push(message) > REMEMBERED) oldest = Math.max(oldest, recent.shift().id);
    hear(message);
    tell(message);
  };

  const spoke = () => {
    hasSpoken = true;
    failures = 0;
    clearTimeout(silence);
    silence = setTimeout(open, SILENT_LATER_MS);
    connected(true);
  };

  const listenFor = () => {
    hasSpoken = false;
    clearTimeout(silence);
    silence = setTimeout(ask, SILENT_AT_FIRST_MS);
  };

  const ask = async () => {
    const answer = await fetch(`${address(last)}&once`, { cache: "no-store" }).catch(() => undefined);
    const said = answer?.ok ? await answer.text().catch(() => undefined) : undefined;
    if (!present || hasSpoken) return;
    silence = setTimeout(ask, ASK_MS);
    if (said === undefined) return;
    for (const [, id, event, data] of said.matchAll(/^id: (\d+)\nevent: (\w+)\ndata: (.*)$/gm)) {
      if (EVENTS.includes(event)) pass({ id: Number(id), event, data });
    }
    connected(true);
  };

  const open = (from = last) => {
    clearTimeout(retryTimer);
    source?.close();
    oldest = from;
    source = new EventSource(address(from));
    listenFor();
    source.addEventListener("here", spoke);
    for (const event of EVENTS) {
      source.addEventListener(event, ({ lastEventId, data }) => {
        spoke();
        pass({ id: Number(lastEventId), event, data });
      });
    }
    source.onerror = () => {
      connected(false);
      listenFor();
      // While it says CONNECTING the browser retries by itself, with Last-Event-ID.
      if (source.readyState === EventSource.CLOSED) retry();
    };
  };

  const retry = () => {
    const most = Math.min(RETRY_LAST_MS, RETRY_FIRST_MS * 2 ** failures++);
    retryTimer = setTimeout(async () => {
      // An EventSource does not say why it was refused. A session that ended is asked about no more until somebody comes
      // back to this tab: they may have signed in again in another.
      const status = await fetch(address(last), { method: "HEAD", cache: "no-store" }).then((r) => r.status, () => 0);
      if (!present) return;
      if (status === 401) {
        leave();
        onLate(false);
      }
      else if (status === 200) open(last);
      else retry();
    }, most * (0.5 + Math.random() / 2));
  };

  // Another tab asks for everything after `asked`.
  const repeat = (asked) => {
    if (asked < oldest) return open(asked);
    tell({ late: source?.readyState !== EventSource.OPEN });
    for (const message of recent) if (message.id >= asked - OVERLAP_MS) tell(message);
  };

  const listen = ({ data: message }) => {
    if (message.data !== undefined) hear(message);
    else if (message.late !== undefined) late(message.late);
    else if (message.leader) tell({ asked: last });
    else if (leading) repeat(message.asked);
  };

  const lead = () => {
    leading = true;
    recent = [];
    open(last);
    tell({ leader: true });
  };

  const join = () => {
    present = true;
    if (!navigator.locks) return open(last); // plain http elsewhere than localhost: one stream per tab
    channel = new BroadcastChannel(name);
    channel.onmessage = listen;
    queue = new AbortController();
    const held = () => new Promise((done) => { release = done; lead(); });
    navigator.locks.request(name, { signal: queue.signal }, held).catch(() => {}); // rejects when leave() aborts the wait
    tell({ asked: last });
  };

  const leave = () => {
    present = leading = false;
    clearTimeout(retryTimer);
    clearTimeout(patience);
    clearTimeout(silence);
    source?.close();
    queue?.abort();
    release?.();
    channel?.close();
    source = queue = release = channel = patience = undefined;
  };

  const resume = ({ persisted }) => persisted && join();
  const comeBack = () => document.hidden || present || join();
  const online = () => source && source.readyState !== EventSource.OPEN && open(last);

  addEventListener("pagehide", leave);
  addEventListener("pageshow", resume);
  addEventListener("online", online);
  document.addEventListener("visibilitychange", comeBack);
  addEventListener("focus", comeBack);
  addEventListener("atelier:answered", comeBack); // a press that was taken proves that somebody is signed in
  join();
}
