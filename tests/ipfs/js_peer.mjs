// A real IPFS node (js-ipfs) on loopback: RPC API only, no peers. Prints {"api": <url>} when ready.
// Usage: node js_peer.mjs <folder with node_modules/ipfs> <repository folder>
import { pathToFileURL } from 'node:url'

// js-ipfs's dependencies expect a newer Node than 20.
Promise.withResolvers ??= function () {
  let resolve, reject
  const promise = new this((yes, no) => { resolve = yes; reject = no })
  return { promise, resolve, reject }
}

const [, , installed, repo] = process.argv
const { Daemon } = await import(pathToFileURL(
  `${installed}/node_modules/ipfs-daemon/src/index.js`
))
const loopback = '/ip4/127.0.0.1/tcp/0'
const daemon = new Daemon({
  repo,
  offline: true,
  config: {
    Bootstrap: [],
    Discovery: { MDNS: { Enabled: false }, webRTCStar: { Enabled: false } },
    Addresses: { Swarm: [], API: loopback, Gateway: loopback, RPC: '' }
  }
})
await daemon.start()
console.log(JSON.stringify({ api: daemon._httpApi._apiServers[0].info.uri }))
