/** What the server tells its own demo page. */
export interface DemoConfig {
  /** The API's origin. */
  readonly api: string;
  /** The access token's life, in seconds. */
  readonly tokenLife: number;
}

/** Asks the server where the API is. */
export async function loadConfig(): Promise<DemoConfig> {
  const response = await fetch("/demo/config", { headers: { accept: "application/json" } });
  const config: unknown = response.ok ? await response.json() : null;
  if (!isConfig(config)) {
    throw new Error(`The server does not describe itself at /demo/config (HTTP ${response.status}).`);
  }
  return config;
}

function isConfig(value: unknown): value is DemoConfig {
  return (
    typeof value === "object" &&
    value !== null &&
    "api" in value &&
    typeof value.api === "string" &&
    "tokenLife" in value &&
    typeof value.tokenLife === "number" &&
    value.tokenLife > 0
  );
}
