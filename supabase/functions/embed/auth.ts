// Who may call: whoever holds one of the project's secret keys. The platform hands them to the
// function in its environment: SUPABASE_SECRET_KEYS has the new ones (`sb_secret_…`) by name,
// SUPABASE_SERVICE_ROLE_KEY the old one, a JWT.

import { Problem } from "./problem.ts";

const encoder = new TextEncoder();

// A key that lives as long as this instance. What is compared are tags made with it, by the
// platform's own verification, which takes as long for a near miss as for a far one.
const guard = await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, false, [
  "sign",
  "verify",
]);
const tags = await Promise.all(
  secrets().map((secret) => crypto.subtle.sign("HMAC", guard, encoder.encode(secret))),
);

/** Whether a request carries a secret key, as bearer token or as `apikey`. */
export async function isService(request: Request): Promise<boolean> {
  if (tags.length === 0) throw Problem.misconfigured();
  const bearer = request.headers.get("authorization")?.match(/^Bearer +(.+)$/i)?.[1];
  // A client of Supabase's may send a user's token beside the key.
  const offered = [bearer, request.headers.get("apikey")].map((key) => encoder.encode(key ?? ""));
  const same = await Promise.all(
    offered.flatMap((key) => tags.map((tag) => crypto.subtle.verify("HMAC", guard, tag, key))),
  );
  return same.includes(true);
}

function secrets(): string[] {
  const legacy = Deno.env.get("SUPABASE_SERVICE_ROLE_KEY");
  return [legacy, ...Object.values(named())].filter(
    (secret): secret is string => typeof secret === "string" && secret !== "",
  );
}

function named(): object {
  try {
    return JSON.parse(Deno.env.get("SUPABASE_SECRET_KEYS") || "{}") ?? {};
  } catch {
    // Not handed on: its message would quote a key.
    return {};
  }
}
