// Text for people and for files, and a few helpers that the other scripts share.
"use strict";
(() => {
  const safelight = (window.safelight = window.safelight || {});
  const encoder = new TextEncoder();
  // Control characters, and those that turn the reading direction or cannot be seen: as the program's messages have it.
  const harmful =
    /[\u0000-\u001f\u007f-\u009f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

  /** A path on one line: harmful characters as the bytes that they are. */
  safelight.shown = (path) =>
    path.replace(harmful, (letter) =>
      [...encoder.encode(letter)].map((byte) => "\\x" + byte.toString(16).toUpperCase().padStart(2, "0")).join(""),
    );

  /** A message: harmful characters as marks. */
  safelight.message = (text) => text.replace(harmful, "\ufffd");

  // What a spreadsheet takes for the beginning of a formula gets an apostrophe before it, as in the manifest.
  const cell = (text) => {
    const guarded = /^'*[=+\-@\t\r]/.test(text) ? "'" + text : text;
    return /[",\r\n]/.test(guarded) ? '"' + guarded.replaceAll('"', '""') + '"' : guarded;
  };

  /** A list of paths as CSV that a pipeline's `input.path` takes. */
  safelight.csv = (paths) => "path\n" + paths.map((path) => cell(path) + "\n").join("");

  safelight.count = (number) => number.toLocaleString("en");

  safelight.counted = (number, noun) => `${safelight.count(number)} ${noun}${number === 1 ? "" : "s"}`;

  /** Up to four significant digits. */
  safelight.figure = (value) => {
    if (value === null || !Number.isFinite(value)) return "none";
    return String(Number(value.toPrecision(4)));
  };

  /** An element with a class and text, which is never markup. */
  safelight.element = (tag, name, text) => {
    const element = document.createElement(tag);
    if (name) element.className = name;
    if (text !== undefined) element.textContent = text;
    return element;
  };

  /** Hands out a text as a file. */
  safelight.save = (name, type, text) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };

  /** Puts a text area's text into the clipboard; tells whether that went well. */
  safelight.copy = async (area) => {
    try {
      await navigator.clipboard.writeText(area.value);
      return true;
    } catch {
      area.select();
      return document.execCommand("copy");
    }
  };
})();
