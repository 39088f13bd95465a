/** One question at a time; of those asked meanwhile only the last. */

export class Latest<Question, Answer> {
  private next: Question | null = null;
  private running = false;
  private since = 0;

  constructor(
    private readonly ask: (question: Question) => Promise<Answer>,
    private readonly answered: (answer: Answer, question: Question) => void,
    private readonly failed: (error: unknown) => void,
    /** Between the starts of two questions, ms. */
    private readonly pause = 33,
    private readonly now: () => number = () => performance.now(),
    private readonly wait: (milliseconds: number) => Promise<void> = (ms) => new Promise((done) => setTimeout(done, ms)),
  ) {}

  put(question: Question): void {
    this.next = question;
    if (!this.running) void this.run();
  }

  private async run(): Promise<void> {
    this.running = true;
    while (this.next !== null) {
      const rest = this.since + this.pause - this.now();
      if (rest > 0) await this.wait(rest);
      const question = this.next;
      this.next = null;
      this.since = this.now();
      try {
        const answer = await this.ask(question);
        // A newer question may be about another film; its answer follows.
        this.answered(answer, question);
      } catch (error) {
        this.failed(error);
      }
    }
    this.running = false;
  }
}
