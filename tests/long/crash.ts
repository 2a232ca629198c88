// Kills real processes with SIGKILL under load, on all three kinds of delivery, and counts what was lost or doubled.
//   npm run crash -- --kills 300 --state FILE     what FILE says is done is not done again
//   npm run crash -- --store postgres --kills 300 the same on a PostgreSQL server of its own, which is crashed as well
//   npm run crash -- --cluster --kills 1000 --stops 200 --state FILE
//     gateways, agents and workers on a PostgreSQL and a NATS server of their own, stopped past their lease as well, with
//     both servers restarted; --gateways 2 --agents 3 --workers 2 says how many, --logs FOLDER keeps what they log
import { parseArgs } from "node:util";
import { runClusterLane } from "./crash-cluster.ts";
import { runSingleLane } from "./crash-single.ts";

const { values } = parseArgs({
  options: {
    cluster: { type: "boolean", default: false },
    kills: { type: "string", default: "300" },
    stops: { type: "string" },
    seed: { type: "string", default: "1" },
    store: { type: "string", default: "sqlite" },
    state: { type: "string" },
    gateways: { type: "string", default: "2" },
    agents: { type: "string", default: "3" },
    workers: { type: "string", default: "2" },
    logs: { type: "string" },
  },
});
const kills = Number(values.kills);
const common = { kills, seed: Number(values.seed), state: values.state };
const breaches = values.cluster
  ? await runClusterLane({
      ...common,
      stops: Number(values.stops ?? Math.ceil(kills / 5)),
      size: {
        gateway: Number(values.gateways),
        agent: Number(values.agents),
        worker: Number(values.workers),
      },
      logs: values.logs,
    })
  : await runSingleLane({ ...common, store: values.store });
process.exitCode = breaches === 0 ? 0 : 1;
