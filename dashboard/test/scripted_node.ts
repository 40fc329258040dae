// A node that answers what its state says: JSON-RPC's methods as far as the verifier asks. Against a
// real endpoint the verifier runs in tests/browser_verify.
import { selector, word } from "../src/verify/records";
import { RpcRefused, type Ask } from "../src/verify/rpc";

export interface NodeState {
  chainId: number;
  block: number;
  /** of the registry; absent: there is none */
  deployedAt?: number | null;
  head: string;
  logs: Record<string, { blockNumber: number; logIndex: number; topics: string[]; data: string }>;
  mixHashes: Record<string, string>;
  /** from when each verifier counts, Unix seconds */
  verifiers: number[];
}

const hex = (value: number): string => `0x${value.toString(16)}`;

export class ScriptedNode {
  refused = 0;

  /** @param mostBlocks of one log query */
  constructor(
    private readonly state: NodeState,
    private readonly mostBlocks = Infinity,
  ) {}

  ask: Ask = async (method, params) => {
    const [first, second] = params as [any, any];
    switch (method) {
      case "eth_chainId":
        return hex(this.state.chainId);
      case "eth_blockNumber":
        return hex(this.state.block);
      case "eth_getBlockByNumber":
        return { mixHash: this.state.mixHashes[String(Number(first))] };
      case "eth_call":
        if (Number(second) !== this.state.block) throw new RpcRefused(-32001, "no such block");
        return this.call(first.data as string);
      case "eth_getLogs":
        return this.logs(Number(first.fromBlock), Number(first.toBlock), first.topics);
      default:
        throw new RpcRefused(-32601, method);
    }
  };

  private call(data: string): string {
    const { deployedAt, head, verifiers } = this.state;
    if (deployedAt == null) return "0x";
    const argument = data.slice(10);
    switch (data.slice(0, 10)) {
      case selector("deployedAt()"):
        return `0x${word(deployedAt)}`;
      case selector("headOf(bytes32)"):
        return argument.length === 64 ? head : "0x";
      case selector("verifierCount()"):
        return `0x${word(verifiers.length)}`;
      case selector("verifierAt(uint256)"):
        return `0x${word(1)}${word(verifiers[Number(`0x${argument}`)]!)}`;
      default:
        return "0x";
    }
  }

  private logs(first: number, last: number, topics: [string[], string]): unknown[] {
    if (last - first >= this.mostBlocks) {
      this.refused++;
      throw new RpcRefused(-32005, "too many blocks");
    }
    return Object.values(this.state.logs)
      .filter(({ blockNumber }) => first <= blockNumber && blockNumber <= last)
      .filter((log) => topics[0].includes(log.topics[0]!))
      .map((log) => ({ ...log, blockNumber: hex(log.blockNumber), logIndex: hex(log.logIndex) }));
  }
}
