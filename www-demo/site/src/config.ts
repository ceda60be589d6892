/** What the server tells its own page. */
export interface Config {
  /** The API's origin. */
  readonly api: string;
  /** Whether the server lets itself be broken for show, at `/demo/…`. */
  readonly demo: boolean;
  /** The access token's life, in seconds. */
  readonly token_life: number;
}

/** Asks the server where the API is. */
export async function loadConfig(): Promise<Config> {
  const response = await fetch("/config.json");
  const config: unknown = response.ok ? await response.json() : null;
  if (!isConfig(config)) {
    throw new Error(`The server does not describe itself at /config.json (HTTP ${response.status}).`);
  }
  return config;
}

function isConfig(value: unknown): value is Config {
  return (
    typeof value === "object" &&
    value !== null &&
    "api" in value &&
    typeof value.api === "string" &&
    "demo" in value &&
    typeof value.demo === "boolean" &&
    "token_life" in value &&
    typeof value.token_life === "number" &&
    value.token_life > 0
  );
}
