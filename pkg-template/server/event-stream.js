/** Reads Server-Sent Events (WHATWG HTML §9.2.6) of a server that may lie. */

/** The longest line, and the most that the lines of one event have together, in UTF-16 code units. */
const MAX_CHARS = 8_192;

/** An event as it was sent; `id` is that of the last event that had one. @typedef {{ type: string, data: string, id: string | undefined }} StreamEvent */

/**
 * Creates a parser, to be fed with text as it comes.
 *
 * @param {(event: StreamEvent) => void} dispatch
 * @param {string} [id] the id of the last event of an earlier stream
 */
export function createEventParser(dispatch, id) {
  let rest = "";
  let isAfterReturn = false;
  let type = "";
  let size = 0;
  /** @type {string[]} */
  let data = [];

  /** @param {string} line */
  const readLine = (line) => {
    if (line === "") {
      if (data.length > 0) dispatch({ type: type || "message", data: data.join("\n"), id });
      [type, data, size] = ["", [], 0];
      return;
    }
    size += line.length;
    if (size > MAX_CHARS) throw new Error("an event of the stream is too long");
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + (line[colon + 1] === " " ? 2 : 1));
    if (name === "event") type = value;
    else if (name === "data") data.push(value);
    // One that no header can have could not be sent back.
    else if (name === "id" && /^[ -~]*$/.test(value)) id = value;
  };

  return {
    /**
     * @param {string} text
     * @throws where a line or an event is too long
     */
    push(text) {
      // A line feed behind a carriage return ends no other line.
      const more = isAfterReturn && text.startsWith("\n") ? text.slice(1) : text;
      if (text !== "") isAfterReturn = text.endsWith("\r");
      const lines = (rest + more).split(/\r\n|\n|\r/);
      rest = lines.pop() ?? "";
      for (const line of lines) readLine(line);
      if (rest.length > MAX_CHARS) throw new Error("a line of the stream is too long");
    },
  };
}
