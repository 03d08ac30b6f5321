"""How the page looks: theme, style sheet, and the few lines of script that Gradio has no component for."""

from __future__ import annotations

from typing import Any

TITLE = "<h1>ganzoo</h1>"
HEAD = '<meta name="color-scheme" content="light dark">'
_SANS = ["ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
_MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]


def theme() -> Any:
    """Plain, with the fonts of the reader's own machine: nothing is fetched from anywhere."""
    from gradio import themes

    return themes.Base(primary_hue="teal", neutral_hue="slate", radius_size="md", font=_SANS, font_mono=_MONO).set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        block_border_width="1px",
        block_shadow="none",
        block_label_text_weight="500",
        body_text_color_subdued="*neutral_500",  # the theme's own is too pale on white to be read with ease
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover_dark="*primary_500",
        button_primary_text_color="white",
        button_primary_text_color_dark="white",
    )


CSS = """
.gradio-container { width: 100%; max-width: 1140px !important; margin: 0 auto !important; }
#top { align-items: center; justify-content: space-between; flex-wrap: nowrap; }
#title h1 { font-size: 1.35rem; font-weight: 650; letter-spacing: -0.01em; margin: 0; }
#controls { gap: 12px; }
.gallery .grid-container {
  grid-template-columns: repeat(var(--grid-cols), minmax(0, 1fr)); grid-template-rows: none;
  grid-auto-rows: auto; align-items: start;
}
.gallery .grid-wrap { max-height: none; height: auto; }
.gallery .grid-container .thumbnail-item {
  display: flex; flex-direction: column; align-items: stretch; width: 100%; height: auto; aspect-ratio: auto;
  overflow: visible; border: 0; border-radius: 0; background: transparent; box-shadow: none;
}
.gallery .grid-container .thumbnail-item img {
  width: 100%; height: auto; border-radius: 3px; image-rendering: pixelated;
}
.gallery .grid-container button:hover img,
.gallery .grid-container button:focus-visible img {
  filter: none; outline: 2px solid var(--primary-500); outline-offset: 1px;
}
.gallery .preview img { image-rendering: pixelated; }
.gallery.smooth img { image-rendering: auto !important; }
.gallery .grid-container .caption-label {
  position: static; max-width: 100%; text-align: center; border: 0; border-radius: 0; padding: 3px 0 0;
  background: transparent; color: var(--body-text-color-subdued); font-size: var(--text-xs);
  font-variant-numeric: tabular-nums; transform: none; line-height: 1.2;
}
.inputs .image-frame img { width: 100%; image-rendering: pixelated; }
.html-container:has(> .prose > .note) { padding-block: 0; }
.note { color: var(--body-text-color-subdued); font-size: var(--text-sm); margin: 4px 0; }
#hint { border: 2px dashed var(--border-color-primary); border-radius: 8px; padding: 80px 16px; text-align: center; }
.side { gap: 12px; }
#film video { width: 100%; max-width: 512px; display: block; border-radius: 4px; background: #000; }
#code h2, #card h2 { font-size: 1rem; margin: 0 0 4px; } #code h3 { font-size: var(--text-sm); margin: 0; }
#code .cm-content { padding-right: 64px; }
#card h2 + table { margin-bottom: 16px; }
#card ul { margin: 0; padding-left: 1.1em; } #card pre { margin: 0; white-space: pre-wrap; font-size: 0.8rem; }
#around, #along, #strip, #favourites { min-height: 0 !important; }
#around .grid-wrap, #along .grid-wrap, #strip .grid-wrap, #favourites .grid-wrap { min-height: 0 !important; }
#favourites .grid-container { grid-template-columns: repeat(8, minmax(0, 1fr)); }
#run-picture .image-container, #run-curves .image-container { padding-top: 34px; }
#run-picture img { width: 100%; }
.cells { overflow-x: auto; }
.cells table, .cells tr, .cells td, .cells th { border: 0; background: transparent; }
.cells table { margin: 0; width: auto; border-spacing: 3px; border-collapse: separate; }
.cells td { padding: 0; }
.cells th { padding: 0 8px 0 0; font-weight: 500; font-size: var(--text-xs); color: var(--body-text-color-subdued); }
.cells th[scope=col] { text-align: center; padding: 0; }
.cells th[scope=row] { text-align: right; overflow-wrap: anywhere; min-width: 44px; max-width: 120px; }
.cells td, .cells th[scope=col] { width: 84px; min-width: 40px; }
.cells img { width: 100%; border-radius: 3px; margin: 0; display: block; }
.cells img.pixels { image-rendering: pixelated; }
#card .prose { padding: 0 4px; }
#card table, #card tr, #card td { border: 0; background: transparent; }
#card table { width: 100%; margin: 0; font-size: var(--text-sm); }
#card tr + tr td { border-top: 1px solid var(--border-color-primary); }
#card td { vertical-align: top; padding: 4px 10px 4px 0; overflow-wrap: anywhere; }
#card td:first-child { color: var(--body-text-color-subdued); white-space: nowrap; width: 1%; }
#card a { padding: 0; margin: 0; }
@media (max-width: 700px) {
  .gradio-container .main { padding: 12px !important; }
  #pictures { display: contents; }
  #gallery, #hint, .results { order: -1; }
  #strip-box { order: 1; }
  #hint { padding: 16px; }
  #run-curves .image-container { overflow-x: auto; }
  #run-curves .image-frame, #run-curves .image-container > button { justify-content: flex-start; }
  #run-curves img { min-width: 640px; }
  .cells table { border-spacing: 2px; }
  .cells th[scope=row] { padding: 0 4px 0 0; }
  .gallery:not(.one, #along, #strip, #favourites) .grid-container { grid-template-columns: repeat(4, minmax(0, 1fr)); }
}
"""

CLOSE = """
<script>
document.addEventListener("click", (event) => {
  if (!event.target.closest || !event.target.closest("#new, #explore-near, #explore-breed")) return;
  document.querySelectorAll('.gallery .preview button[aria-label="Close"]').forEach((button) => button.click());
});
</script>
"""
"""A picture that is enlarged is put away when new ones are asked for: it would hide them."""

DOWNLOAD = """
async (asked) => {
  const wish = JSON.parse(asked || "{}");
  const points = document.querySelector("#gallery").classList.contains("points");
  const format = "FORMAT" === "all" ? (points ? "npz" : "zip") : "FORMAT";
  wish.format = format;
  const root = (window.gradio_config && window.gradio_config.root) || "";
  const answer = await fetch(root.replace(/\\/$/, "") + "/v1/sample", {
    method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(wish),
  }).catch(() => null);
  if (!answer || !answer.ok) {
    const said = answer && await answer.json().catch(() => null);
    alert(said ? said.error.message : "The server does not answer; nothing was saved.");
    return;
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = (wish.model || "samples").replace(/[^A-Za-z0-9._-]/g, "-") + "." + format;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
"""
"""Asks the HTTP API for the very request that the page shows, and saves the answer as a file."""


SAVE = """
async (address) => {
  const link = document.createElement("a");
  link.href = address;
  link.download = "NAME";
  link.click();
}
"""
"""Saves a file of this server under a name."""


def save(name: str) -> str:
    """The script that saves the file whose address it is given."""
    return SAVE.replace("NAME", name)


def note(text: str) -> str:
    """A sentence beside the widgets."""
    return f'<p class="note">{text}</p>'


def download(format_: str) -> str:
    """The script of a download button."""
    return DOWNLOAD.replace("FORMAT", format_)
