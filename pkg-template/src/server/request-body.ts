/** The longest request that is read, in bytes: what the SDK's entry reads. */
const LONGEST = 4 * 2 ** 20;

/**
 * The JSON body of a request, which stays unread; `undefined` where it is none, or longer than what the SDK's entry
 * takes.
 */
export async function readJson(request: Request): Promise<unknown> {
  if (Number(request.headers.get("content-length") ?? 0) > LONGEST) return undefined;
  try {
    let length = 0;
    let text = "";
    const decoder = new TextDecoder();
    const reader = request.clone().body?.getReader();
    for (let chunk = await reader?.read(); chunk?.done === false; chunk = await reader?.read()) {
      length += chunk.value.length;
      if (length > LONGEST) return void reader?.cancel().catch(() => {});
      text += decoder.decode(chunk.value, { stream: true });
    }
    return JSON.parse(text + decoder.decode());
  } catch {
    // Whoever serves the request says what is wrong with it.
    return undefined;
  }
}
