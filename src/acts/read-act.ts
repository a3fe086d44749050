import type { ReadStep, StepAnswer, StepOutput } from '../domain/act.ts';
import { messageOf } from '../domain/error.ts';
import type { ActOrder, ActSpec } from '../systems/system.ts';
import type { Masker } from './mask.ts';
import type { Hands } from './ports.ts';

/** Reads the files of a `read` step below the root, each capped. A file that is not there is part of the answer. */
export function readFiles(
  step: ReadStep,
  root: string,
  hands: Pick<Hands, 'read'>,
  masker: Masker,
): StepOutput {
  let truncated = false;
  const files = step.paths.map((path) => {
    const found = hands.read(root, path, step.maxBytes);
    if (!found.ok) return { path, text: null, error: masker.text(found.error) };
    if (!found.value) return { path, text: null };
    truncated ||= found.value.truncated;
    return { path, text: masker.text(found.value.bytes.toString('utf8')) };
  });
  return { title: step.title, stdout: '', stderr: '', truncated, files };
}

/** What the kind makes of it; the files as they are where it makes nothing. */
export function readAnswer(spec: ActSpec, outputs: readonly StepOutput[], order: ActOrder): StepAnswer {
  try {
    if (spec.read) return spec.read(outputs, order);
  } catch (error) {
    return { ok: false, summary: `what was read could not be understood: ${messageOf(error)}` };
  }
  const files = outputs.flatMap((output) => output.files ?? []);
  const there = files.filter((file) => file.text !== null);
  return {
    ok: there.length > 0,
    summary: `${there.length} of ${files.length} files`,
    sections: files.map((file) => ({ title: file.path, text: file.text ?? file.error ?? 'not there' })),
  };
}
