/** What `task` gives, or `otherwise` where it throws: for what is done again, and must not end whoever asks. */
export function quietly<T>(task: () => T, otherwise: T): T;
export function quietly(task: () => void): void;
export function quietly<T>(task: () => T, otherwise?: T): T | undefined {
  try {
    return task();
  } catch {
    return otherwise;
  }
}
