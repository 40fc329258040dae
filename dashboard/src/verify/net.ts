// Asking servers that may be hostile: deadlines, limits, other origins, no credentials.

export type Fetcher = (url: string, init: RequestInit) => Promise<Response>;

const TIMEOUT_MS = 20_000;
const PAUSE_MS = 300;
const BUSY = [429, 502, 503];
/** A browser does not tell which. */
const NO_ANSWER = "no answer, or it does not let pages of others ask (CORS)";

export interface Reply {
  status: number;
  ok: boolean;
  bytes: Uint8Array;
}

/**
 * The answer to a request, asked again if the server is busy or the connection breaks. Throws an Error
 * whose message names the server and nothing secret of its address.
 */
export async function request(
  url: string,
  init: RequestInit,
  maxBytes: number,
  fetcher: Fetcher = (address, options) => fetch(address, options),
): Promise<Reply> {
  for (let left = 2; ; left--) {
    try {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const response = await fetcher(url, { ...init, credentials: "omit", signal });
      if (left === 0 || !BUSY.includes(response.status)) {
        const bytes = await readBounded(response, maxBytes);
        return { status: response.status, ok: response.ok, bytes };
      }
    } catch (error) {
      const late = error instanceof Error && error.name === "TimeoutError";
      if (error instanceof TooLong || late || left === 0) {
        const why = error instanceof TooLong ? error.message : late ? "it is too slow" : NO_ANSWER;
        throw new Error(`${hostOf(url)}: ${why}`);
      }
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/** The server's name; paths, users and queries of endpoints are often keys. */
export function hostOf(url: string): string {
  try {
    return new URL(url).host;
  } catch {
    return "no URL";
  }
}

class TooLong extends Error {}

async function readBounded(response: Response, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = response.body?.getReader();
  while (reader) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > maxBytes) {
      await reader.cancel();
      throw new TooLong(`the answer is longer than ${maxBytes} bytes`);
    }
    chunks.push(value);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
