// Errors in OpenAI's shape: `{error: {message, type, param, code}}`.

/** An answer that is not the one that was asked for. Never quotes the request. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly code: string | null = null,
    readonly param: string | null = null,
  ) {
    super(message);
  }

  /** A field that is missing or wrong. */
  static invalid(param: string | null, message: string): Problem {
    return new Problem(400, message, null, param);
  }

  /** More than one request may bring. */
  static tooLarge(message: string, param: string | null = null): Problem {
    return new Problem(413, message, "request_too_large", param);
  }

  static method(): Problem {
    return new Problem(405, "Only POST is understood.", "method_not_allowed");
  }

  static unauthorized(): Problem {
    const message = "A secret key of the project is required, as `authorization: Bearer …`.";
    return new Problem(401, message, "invalid_api_key");
  }

  static misconfigured(): Problem {
    const message = "The function was given no key to compare with (SUPABASE_SECRET_KEYS).";
    return new Problem(500, message, "misconfigured");
  }

  static internal(): Problem {
    return new Problem(500, "The model gave no embedding.", "internal_error");
  }

  response(): Response {
    const type = this.status < 500 ? "invalid_request_error" : "server_error";
    const { message, param, code } = this;
    const headers: HeadersInit = this.status === 405 ? { allow: "POST" } : {};
    return Response.json({ error: { message, type, param, code } }, {
      status: this.status,
      headers,
    });
  }
}
