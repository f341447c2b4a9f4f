"""A run's report and the laboratory's site in headless Chromium: no console error, no request that leaves the page, every figure to be
seen, links that lead somewhere, nothing wider than a phone, contrast in light and dark. Speaks the WebDriver protocol by itself."""
# release only
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path

PHONE, DESK = (390, 844), (1100, 900)
SONDE = os.environ["SONDE"]
SOURCE = Path(os.environ["SONDE_SOURCE"])

# What a page says of itself. Boxes that scroll by themselves (.wide) may hold more than is seen; their own boxes may not.
SURVEY = """
const wide = document.documentElement.clientWidth, seen = [], low = [], dead = [], blind = [], cut = [];
document.querySelectorAll('details').forEach(d => d.open = true);
const channel = c => { c /= 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
const light = c => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
const rgb = text => (text.match(/[\\d.]+/g) || []).map(Number);
const behind = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length && c[3] !== 0) return c; }
                      return [255, 255, 255]; };
const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let t; t = walk.nextNode();) {
    const e = t.parentElement, style = getComputedStyle(e);
    if (!t.data.trim() || style.display === 'none' || e.closest('title, style')) continue;
    const range = document.createRange();
    range.selectNodeContents(t);
    const box = range.getBoundingClientRect();
    if (!box.width) continue;
    if (!e.closest('.wide') && (box.right > wide + 1 || box.left < -1)) seen.push(t.data.trim().slice(0, 60));
    const drawing = e.closest('svg') && e.closest('svg').getBoundingClientRect();
    if (drawing && (box.left < drawing.left - 1 || box.right > drawing.right + 1 || box.top < drawing.top - 1 || box.bottom > drawing.bottom + 1))
        cut.push(t.data.trim().slice(0, 60));
    const r = ratio(rgb(e.closest('svg') ? style.fill : style.color), behind(e));
    if (r < 4.5) low.push([r.toFixed(2), t.data.trim().slice(0, 60)]);
}
document.querySelectorAll('.wide').forEach(e => { if (e.getBoundingClientRect().right > wide + 1) seen.push('a box that scrolls'); });
document.querySelectorAll('figure svg, figure img').forEach(e => {
    const b = e.getBoundingClientRect(), drawn = e.tagName === 'IMG' ? e.naturalWidth : e.querySelectorAll('path, line, polyline, circle, use, rect').length;
    if (b.width < 20 || b.height < 20 || !drawn) blind.push(e.closest('figure').textContent.trim().slice(0, 60));
});
document.querySelectorAll('a[href^="#"]').forEach(a => { if (!document.getElementById(a.getAttribute('href').slice(1))) dead.push(a.href); });
return {seen, low, dead, blind, cut, figures: document.querySelectorAll('figure svg, figure img').length, wide: document.documentElement.scrollWidth - wide,
        links: [...document.querySelectorAll('a[href]')].map(a => a.href).filter(h => !h.includes('#')),
        dark: matchMedia('(prefers-color-scheme: dark)').matches};
"""


class Browser:
    """A session of Chromium behind chromedriver."""

    def __init__(self, folder):
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in self.driver.stdout:
            if "started successfully on port" in line:
                self.base = "http://127.0.0.1:%d" % int(line.rstrip(".\n ").split()[-1])
                break
        else:
            raise RuntimeError("chromedriver did not start")
        options = {"args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
                            "--no-first-run", "--user-data-dir=" + str(folder / "profile")]}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
        self.session = self.base + "/session/" + self.call("POST", self.base + "/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]

    @staticmethod
    def call(method, url, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data=data, method=method, headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=300) as answer:
            return json.load(answer)["value"]

    def post(self, what, body):
        return self.call("POST", self.session + what, body)

    def devtools(self, command, **parameters):
        return self.post("/goog/cdp/execute", {"cmd": command, "params": parameters})

    def dress(self, size, scheme):
        self.devtools("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=1, mobile=size == PHONE)
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def log(self, kind):
        return self.post("/se/log", {"type": kind})

    def close(self):
        try:
            self.call("DELETE", self.session)
        finally:
            self.driver.terminate()
            self.driver.wait(10)


def requests(browser):
    for entry in browser.log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            yield message["params"]["request"]["url"]


def look(browser, page, size, scheme, faults):
    """Opens the page and returns its links; what is wrong is added to faults."""
    where = "%s at %d px, %s" % (page.name, size[0], scheme)
    browser.dress(size, scheme)
    browser.post("/url", {"url": page.as_uri()})
    found = browser.post("/execute/sync", {"script": SURVEY, "args": []})
    if found["dark"] != (scheme == "dark"):
        faults.append(where + ": the browser does not do as it is told")
    if found["wide"] > 1:
        faults.append("%s: %d px too wide" % (where, found["wide"]))
    for key, what in (("seen", "leaves the screen"), ("low", "has too little contrast"), ("dead", "leads nowhere"), ("blind", "is not to be seen"),
                      ("cut", "is cut off by its figure")):
        faults += ["%s: %s %s" % (where, item, what) for item in found[key]]
    faults += ["%s: %s" % (where, entry["message"]) for entry in browser.log("browser")]
    faults += ["%s: asks for %s" % (where, url) for url in requests(browser) if urllib.parse.urlsplit(url).scheme not in ("file", "data")]
    return found


def follow(page, links, faults):
    """Links to files lead to files; no page names another address."""
    for link in links:
        parts = urllib.parse.urlsplit(link)
        if parts.scheme == "file" and not Path(urllib.request.url2pathname(parts.path)).exists():
            faults.append("%s: %s is not there" % (page.name, link))
        elif parts.scheme not in ("file", "data"):
            faults.append("%s: %s leaves the page" % (page.name, link))


def survey(browser, page, least_figures, faults):
    for size in (PHONE, DESK):
        for scheme in ("light", "dark"):
            found = look(browser, page, size, scheme, faults)
    follow(page, found["links"], faults)
    if found["figures"] < least_figures:
        faults.append("%s: %d figures, at least %d are expected" % (page.name, found["figures"], least_figures))


def sonde(folder, *words):
    subprocess.run([SONDE, *words], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make_pages(folder):
    sonde(folder, "train", str(SOURCE / "examples/demo.yaml"), "--out", "run", "--quiet", "--set", "data.limit=1000", "--set", "train.epochs=2")
    sonde(folder, "why", "run", "--quick")
    sonde(folder, "lab", "run", *RUN)
    sonde(folder, "lab", "report", "site")
    return folder / "run/report.html", folder / "site"


RUN = ("C01", "C10", "C23", "C30", "C31", "C35", "C38", "C39", "C52", "C65", "C84", "C85", "C87", "C88", "C122") # the quick ones

BAD = """<!DOCTYPE html><meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"><body style="background:#888;color:#777"><p style="white-space:nowrap">%s</p>
<a href="#no">no</a><a href="gone.html">gone</a><figure><svg width="90" height="90"></svg>empty</figure><figure><svg width="90" height="40"><text x="60" y="20" fill="#000">a long name</text></svg></figure>
<img src="http://127.0.0.1:1/x.png"><script>console.error("oh")</script>""" % ("too wide a line " * 12)


def faults_are_found(browser, folder):
    """The survey can fail: a page with one fault of each kind."""
    page, faults = folder / "bad.html", []
    page.write_text(BAD)
    found = look(browser, page, PHONE, "light", faults)
    follow(page, found["links"], faults)
    text = "\n".join(faults)
    wanted = ("px too wide", "leaves the screen", "too little contrast", "leads nowhere", "not to be seen", "is cut off", "asks for http", "oh", "is not there")
    return ["the survey does not see: " + w for w in wanted if w not in text]


def main():
    if not shutil.which("chromedriver"):
        print("skipped: there is no chromedriver (package chromium-driver)")
        return 77
    folder = Path(tempfile.mkdtemp())
    browser = None
    try:
        browser = Browser(folder)
        faults = faults_are_found(browser, folder)
        report, site = make_pages(folder)
        survey(browser, report, 3, faults)
        survey(browser, site / "index.html", 0, faults)
        for claim in (*RUN, "C63"): # the last was not run
            survey(browser, site / (claim + ".html"), claim in RUN, faults)
        print("\n".join(faults[:40]) or "%d pages, narrow and wide, light and dark: nothing wrong" % (len(RUN) + 3))
        return bool(faults)
    finally:
        if browser:
            browser.close()
        shutil.rmtree(folder, ignore_errors=True)


sys.exit(main())
