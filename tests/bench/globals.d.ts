/** What a page of the cold start tells: each time in milliseconds since its script's first statement. */
interface ColdStart {
  status: number;
  times: Record<string, number>;
}

interface Window {
  /** Left by the pages of `cold-start`. */
  told: Promise<ColdStart>;
}
