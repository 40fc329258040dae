// The read API over fetch: addresses, access key, problems. Belongs here: how to ask. Does not
// belong here: what the answers mean (`api/types.ts`) or how they look.

export type Query = Record<string, string | number | undefined>;

const KEY_ENTRY = "analytics-access-key";

/** What went wrong, from RFC 9457 problem details; `status` 0: no answer at all. */
export class ApiProblem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly retryAfterSeconds = 0,
  ) {
    super(detail || title);
    this.name = "ApiProblem";
  }
}

export class ApiClient {
  /** @param origin of the API; empty: that of the page */
  constructor(readonly origin = "") {}

  /** Address of a route, for links and downloads. */
  url(path: string, query: Query = {}): string {
    const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
    const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
    return this.origin + path + (given.length ? `?${text}` : "");
  }

  /** The JSON of a route. Throws ApiProblem. */
  async get<Answer>(path: string, query: Query = {}, signal?: AbortSignal): Promise<Answer> {
    const response = await this.fetch(this.url(path, query), "application/json", signal);
    return (await response.json()) as Answer;
  }

  /** The body of a route as it is, e.g. a file of a bundle. Throws ApiProblem. */
  async bytes(path: string, query: Query = {}, signal?: AbortSignal): Promise<Uint8Array> {
    const response = await this.fetch(this.url(path, query), "*/*", signal);
    return new Uint8Array(await response.arrayBuffer());
  }

  /** The key a visitor typed in; it stays in this tab. */
  get key(): string {
    return sessionStorage.getItem(KEY_ENTRY) ?? "";
  }

  set key(key: string) {
    if (key) sessionStorage.setItem(KEY_ENTRY, key);
    else sessionStorage.removeItem(KEY_ENTRY);
  }

  private async fetch(url: string, accept: string, signal?: AbortSignal): Promise<Response> {
    const headers: Record<string, string> = { Accept: accept };
    if (this.key) headers.Authorization = `Bearer ${this.key}`;
    let response: Response;
    try {
      response = await fetch(url, { headers, credentials: "omit", signal: signal ?? null });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new ApiProblem(0, "The server does not answer", "");
    }
    if (response.ok) return response;
    const problem = (await response.json().catch(() => ({}))) as Record<string, unknown>;
    throw new ApiProblem(
      response.status,
      String(problem.title ?? `The server answered ${response.status}`),
      String(problem.detail ?? ""),
      Number(response.headers.get("retry-after") ?? 0),
    );
  }
}
