// What an accessibility checker would say of a static page, as a list of sentences; empty when there is nothing to say.
() => {
  const said = [];
  const all = (s) => [...document.querySelectorAll(s)];
  const shown = (e) => e.checkVisibility === undefined || e.checkVisibility();
  const name = (e) => (e.getAttribute("aria-label") || "").trim() ||
    (e.getAttribute("aria-labelledby") || "").split(/\s+/).map((i) => (document.getElementById(i) || {}).textContent || "").join("").trim();
  if (!document.documentElement.lang) said.push("the page names no language");
  if (!document.title.trim()) said.push("the page has no title");
  if (all("main").length !== 1) said.push("the page has not exactly one main part");
  if (/user-scalable\s*=\s*no|maximum-scale\s*=\s*1/.test((document.querySelector("meta[name=viewport]") || {}).content || "")) said.push("zooming is shut off");
  all("svg").forEach((e) => { if (e.getAttribute("role") !== "img" || !name(e)) said.push("a chart has no name"); });
  all("section, nav, [role=group]").forEach((e) => { if (!name(e)) said.push(`${e.tagName} has no name`); });
  all("table").forEach((t) => { if (!t.querySelector("th[scope]")) said.push("a table has no headers"); });
  all("th").forEach((e) => { if (!e.textContent.trim()) said.push("a header is empty"); });
  all("a").forEach((e) => { if (!e.textContent.trim()) said.push("a link has no text"); });
  all("a[href^='#']").forEach((e) => { if (!document.getElementById(e.getAttribute("href").slice(1))) said.push(`${e.getAttribute("href")} leads nowhere`); });
  const seen = new Set();
  all("[id]").forEach((e) => { if (seen.has(e.id)) said.push(`id ${e.id} is used twice`); seen.add(e.id); });
  let level = 0;
  all("h1, h2, h3, h4, h5, h6").forEach((e) => { const n = +e.tagName[1]; if (n > level + 1) said.push(`heading ${e.textContent} skips a level`); level = n; });
  all("*").forEach((e) => {
    const s = getComputedStyle(e);
    if (/auto|scroll/.test(s.overflowX + s.overflowY) && (e.scrollWidth > e.clientWidth || e.scrollHeight > e.clientHeight) && e !== document.documentElement && e.tabIndex < 0)
      said.push(`a part that scrolls cannot be reached by keyboard: ${e.className}`);
  });
  const rgb = (c) => { const m = c.match(/[\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
  const over = (a, b) => [0, 1, 2].map((i) => a[i] * a[3] + b[i] * (1 - a[3]));
  const light = (c) => { const l = c.map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * l[0] + 0.7152 * l[1] + 0.0722 * l[2]; };
  const ground = (e) => { const stack = []; for (let n = e; n; n = n.parentElement) { const c = rgb(getComputedStyle(n).backgroundColor); stack.push(c); if (c[3] === 1) break; }
    return stack.reverse().reduce((b, c) => over(c, b), [255, 255, 255]); };
  const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const poor = new Set();
  for (let t = words.nextNode(); t; t = words.nextNode()) {
    const e = t.parentElement;
    if (!t.textContent.trim() || !shown(e)) continue;
    const s = getComputedStyle(e);
    const front = over(rgb(e instanceof SVGElement ? s.fill : s.color), ground(e));
    const [a, b] = [light(front), light(ground(e))].sort((x, y) => y - x);
    const large = parseFloat(s.fontSize) >= 24 || (parseFloat(s.fontSize) >= 18.66 && +s.fontWeight >= 700);
    if ((a + 0.05) / (b + 0.05) < (large ? 3 : 4.5)) poor.add(`${e.tagName}.${e.getAttribute("class") || ""} has too little contrast`);
  }
  return [...new Set([...said, ...poor])];
}
