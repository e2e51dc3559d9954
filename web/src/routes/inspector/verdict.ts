import type { Diagnosis } from "../../api/model";
import type { Tone } from "../../ui/state";
import { codeWords } from "../dashboard/failures";

/** What an inspection comes to, in one sentence. */
export function verdict(found: Diagnosis): { tone: Tone; text: string } {
  const { gateway, agent, differences, mapping } = found;
  if (!mapping) return { tone: "warn", text: "No mapping takes this URL: only the gateway was asked." };
  if (!mapping.enabled)
    return {
      tone: "warn",
      text: "The mapping is disabled: the gateway does not serve it, the target was asked all the same.",
    };
  if (agent.code && gateway.code === agent.code)
    return { tone: "bad", text: `Both sides fail for the same reason: ${codeWords(agent.code)}.` };
  if (!agent.success && !gateway.success)
    return { tone: "bad", text: "Both sides fail, for different reasons." };
  if (!agent.success) return { tone: "bad", text: "The agent does not get an answer of the target." };
  if (!gateway.success || gateway.madeByGateway)
    return { tone: "bad", text: "The target answers, but not through the gateway." };
  if (differences.length === 0) return { tone: "good", text: "Both sides gave the same answer." };
  const count = differences.length === 1 ? "One difference" : `${differences.length} differences`;
  return { tone: "warn", text: `${count} between the two answers.` };
}
