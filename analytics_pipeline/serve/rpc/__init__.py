"""`/rpc`: a read-only JSON-RPC endpoint for the embedded development chain.

So that a browser, `cast` or `analytics-pipeline verify` on another machine can read a registry that
stands on no network. It adds no trust: whoever holds the chain's file can rewrite the history, and
what comes out of here is that one server's word. Whoever has a real chain needs none of this.

    values      quantities, data, addresses and blocks as JSON-RPC writes them
    methods     what may be asked, over `chain.embedded`
    errors      their numbers
    protocol    JSON-RPC 2.0: requests and batches
    route       the ASGI endpoint: CORS, limits, the page that says whose word it is
"""

from analytics_pipeline.serve.rpc.route import PATH, RpcRoute

__all__ = ["PATH", "RpcRoute"]
