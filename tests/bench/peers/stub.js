// Stands in for the network, from before any client looks for it; until it is taken away, calls go through.
{
  const native = window.fetch;
  const answer = new Response("{}");
  let isAway = false;
  window.fetch = (input, init) => {
    if (!isAway) return native.call(window, input, init);
    // What the platform's own does with its arguments, before anything else.
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
