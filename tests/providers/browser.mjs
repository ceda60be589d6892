/** A browser's cookies and redirects, without the browser. */

/** Cookies by host and name. */
export class Jar {
  /** @type {Map<string, Map<string, string>>} */
  #hosts = new Map();

  /** @param {string} url */
  #of(url) {
    const { host } = new URL(url);
    const cookies = this.#hosts.get(host) ?? new Map();
    this.#hosts.set(host, cookies);
    return cookies;
  }

  /** The cookies of a host. @param {string} url */
  header(url) {
    return [...this.#of(url)].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  /** The names of the cookies of a host. @param {string} url */
  names(url) {
    return [...this.#of(url).keys()];
  }

  /** Forgets the cookies of a host. @param {string} url */
  forget(url) {
    this.#hosts.delete(new URL(url).host);
  }

  /** A copy, as another tab of before has it. */
  copy() {
    const jar = new Jar();
    for (const [host, cookies] of this.#hosts) jar.#hosts.set(host, new Map(cookies));
    return jar;
  }

  /** A copy, with the cookies of a host as those of another. @param {string} from @param {string} to */
  as(from, to) {
    const jar = this.copy();
    jar.#hosts.set(new URL(to).host, jar.#of(from));
    return jar;
  }

  /** @param {string} url @param {Response} response */
  take(url, response) {
    for (const line of response.headers.getSetCookie()) {
      const [pair = "", ...attributes] = line.split(";").map((part) => part.trim());
      const [name = "", ...value] = pair.split("=");
      const isOver = attributes.some((attribute) => /^max-age=0$|^expires=Thu, 01 Jan 1970/i.test(attribute));
      if (isOver) this.#of(url).delete(name);
      else this.#of(url).set(name, value.join("="));
    }
  }
}

/**
 * Sends one request with a jar's cookies, and follows no redirect.
 *
 * @param {Jar} jar
 * @param {string} url
 * @param {RequestInit & { headers?: Record<string, string> }} [init]
 */
export async function send(jar, url, init = {}) {
  const response = await fetch(url, {
    ...init,
    redirect: "manual",
    headers: { ...init.headers, cookie: jar.header(url) },
  });
  jar.take(url, response);
  return response;
}

/**
 * Navigates, and follows redirects until a URL that `until` accepts, which is not requested.
 *
 * @param {Jar} jar
 * @param {string} from
 * @param {(url: string) => boolean} until
 * @returns {Promise<string>}
 */
export async function navigate(jar, from, until) {
  let url = from;
  for (let hops = 0; hops < 12; hops++) {
    const response = await send(jar, url);
    const location = response.headers.get("location");
    if (!location)
      throw new Error(`${response.status} at ${new URL(url).pathname}: ${(await response.text()).slice(0, 400)}`);
    url = new URL(location, url).href;
    if (until(url)) return url;
  }
  throw new Error(`more redirects than a sign-in has: ${url}`);
}
