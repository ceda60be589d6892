// Replaces `fetch` before any client reads it; calls are forwarded until the network is switched off.
{
  const native = window.fetch;
  const answer = new Response("{}");
  let isAway = false;
  window.fetch = (input, init) => {
    if (!isAway) return native.call(window, input, init);
    // The platform's `fetch` converts its arguments first.
    void new Request(input, init);
    return Promise.resolve(answer);
  };
  window.stub = {
    fetch: window.fetch,
    takeNetworkAway() {
      isAway = true;
    },
  };
}
