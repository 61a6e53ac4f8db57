/** Proofread, Fill and Chat. */
import { describe, expect, test } from "vitest";
import gallery from "../src/gallery/gallery.json" with { type: "json" };
import { chromiumPath, eventually, open, startedStudio } from "./browser.js";

describe.skipIf(chromiumPath === undefined)("Proofread, Fill, Chat", { timeout: 90_000 }, () => {
  const studio = startedStudio();

  test("each edit is accepted or rejected, and the result copied", async () => {
    const { page, errors, close } = await open(studio.browser, `${studio.server.url}/#proofread`, {
      permissions: ["clipboard-read", "clipboard-write"],
    });
    await page.getByLabel("Description to check").fill("a cat and two balls. the background is red.");
    await page.getByRole("button", { name: "Proofread" }).click();
    const result = page.getByTestId("result");
    expect(await result.textContent()).toBe("a dog and three balls. the background is blue.");
    await page.getByRole("button", { name: 'Reject "two" to "three"' }).click();
    expect(await result.textContent()).toBe("a dog and two balls. the background is blue.");
    await page.getByRole("button", { name: "Reject all" }).click();
    expect(await result.textContent()).toBe("a cat and two balls. the background is red.");
    await page.getByRole("button", { name: 'Accept "red" to "blue"' }).press("Enter");
    await page.getByRole("button", { name: "Copy the result" }).click();
    await page.getByText("Copied", { exact: true }).waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(
      "a cat and two balls. the background is blue.",
    );
    expect(errors).toEqual([]);
    await close();
  });

  test("a blank is inserted where the cursor is, and what fills it is marked", async () => {
    const { page, close } = await open(studio.browser, `${studio.server.url}/#fill`);
    await page.getByRole("button", { name: "Fill the blanks" }).click();
    await page.getByText("The template has no blank yet.").waitFor();
    const area = page.getByLabel("Text with blanks");
    await area.fill("there is a here.");
    await area.evaluate((element: HTMLTextAreaElement) => element.setSelectionRange(10, 10));
    await page.getByLabel("Tokens of a blank").fill("3");
    await page.getByRole("button", { name: "Insert a blank" }).click();
    await eventually(() => area.inputValue()).toBe("there is a [[3]] here.");
    await page.getByRole("button", { name: "Fill the blanks" }).click();
    expect(await page.getByTestId("filled").textContent()).toBe("there is a small dog here.");
    expect(await page.locator("mark.filled").allInnerTexts()).toEqual(["small dog"]);
    expect(studio.server.requests.at(-1)?.body).toMatchObject({
      template: "there is a [[3]] here.",
      tokens_per_step: 1,
    });
    await close();
  });

  test("what the model cannot read is marked and told of, in edits and in filled texts", async () => {
    studio.server.behave.unknownWords = ["zebra", "kiwi"];
    const { page, errors, close } = await open(studio.browser, `${studio.server.url}/#proofread`);
    await page.getByLabel("Description to check").fill("A zebra and a cat, a kiwi.");
    await page.getByRole("button", { name: "Proofread" }).click();
    expect(await page.getByTestId("result").textContent()).toBe("A zebra and a dog, a kiwi.");
    expect(await page.locator(".marked-text .unread").allInnerTexts()).toEqual(["zebra", "kiwi"]);
    await page.getByText("the model cannot read these and has left them as they are").waitFor();
    await page.getByRole("tab", { name: "Fill" }).click();
    await page.getByLabel("Text with blanks").fill("a zebra is [[2]].");
    await page.getByRole("button", { name: "Fill the blanks" }).click();
    expect(await page.getByTestId("filled").textContent()).toBe("a zebra is small dog.");
    expect(await page.locator(".marked-text .unread").allInnerTexts()).toEqual(["zebra"]);
    expect(errors).toEqual([]);
    studio.server.behave.unknownWords = [];
    await close();
  });

  test("a caption of the gallery comes with its scene; the draft and the result are judged by it", async () => {
    const { page, close } = await open(studio.browser, `${studio.server.url}/#proofread`);
    const draft = gallery.drafts.find(({ kind }) => kind === "background");
    if (draft === undefined) throw new Error("no background was changed in any of them");
    await page.getByRole("button", { name: draft.text }).click();
    await page.getByRole("button", { name: "Proofread" }).click();
    // The server of this test knows little.
    await page.getByTestId("result").waitFor();
    const words = (text: string) => text.match(/\w+/g) ?? [];
    const wrong = words(draft.text).filter((word, i) => word !== words(draft.right)[i]);
    await eventually(() => page.getByTestId("judged-draft").locator("mark").allInnerTexts()).toEqual(wrong);
    await page.getByText("1 wrong word").first().waitFor();
    await close();
  });

  test("a result beside another picture is marked as of the old one", async () => {
    const { page, close } = await open(studio.browser, studio.server.url);
    await page.getByRole("button", { name: "Run both" }).click();
    await page.getByRole("heading", { name: "Word for word" }).waitFor();
    const stale = page.getByText("for another picture than the one that is chosen now");
    expect(await stale.count()).toBe(0);
    await page.getByRole("button", { name: /^Scene 2: / }).click();
    await stale.waitFor();
    await page.getByRole("button", { name: /^Scene 1: / }).click();
    await stale.waitFor({ state: "hidden" });
    await page.getByRole("tab", { name: "Fill" }).click();
    await page
      .getByRole("button", { name: /\[\[1\]\]/ })
      .first()
      .click();
    await page.getByRole("button", { name: "Fill the blanks" }).click();
    await page.getByTestId("filled").waitFor();
    await page.getByRole("radio", { name: "orange" }).check();
    await stale.waitFor();
    await close();
  });

  test("a model that does not converse is not offered for a conversation, and the page says why", async () => {
    const { page, close } = await open(studio.browser, `${studio.server.url}/#chat`);
    await page.getByRole("heading", { name: "This model does not converse" }).waitFor();
    expect(await page.getByLabel("Your question").count()).toBe(0);
    await page.getByRole("button", { name: "Proofread a caption" }).click();
    await page.getByRole("tabpanel", { name: "Proofread" }).waitFor();
    await close();
  });

  test("a model that converses is asked what a click offers, about what is on the board", async () => {
    studio.server.behave.converses = true;
    const { page, errors, close } = await open(studio.browser, `${studio.server.url}/#chat`);
    await page.getByRole("heading", { name: "Talk about the picture" }).waitFor();
    await page.getByRole("button", { name: "Empty the whole scene" }).click();
    await page.locator('[data-cell="4"]').click();
    await page.getByRole("button", { name: "crab", exact: true }).click();
    await page.getByRole("button", { name: "What is at the middle center?" }).waitFor();
    await page.getByRole("button", { name: /^Are there any (?!crabs)/ }).waitFor();
    await page.getByRole("button", { name: "How many crabs are there?" }).click();
    expect(await page.getByLabel("Your question").inputValue()).toBe("How many crabs are there?");
    await page.getByRole("button", { name: "Ask", exact: true }).click();
    await page.getByRole("article", { name: "Model" }).waitFor();
    const sent = studio.server.requests.at(-1)?.body as { messages: { content: unknown }[] };
    expect(JSON.stringify(sent.messages[0]?.content)).toContain("How many crabs are there?");
    expect(errors).toEqual([]);
    studio.server.behave.converses = undefined;
    await close();
  });

  test("a conversation is sent whole, streams, and is stopped", async () => {
    studio.server.behave.converses = true;
    const { page, close } = await open(studio.browser, `${studio.server.url}/#chat`);
    const question = page.getByLabel("Your question");
    await page.getByText("rediff-demo").first().waitFor();
    await question.fill("What is there?");
    await question.press("Enter");
    const answer = page.getByRole("article", { name: "Model" });
    await eventually(() => answer.last().textContent()).toMatch(/^there are three soccer balls .* blue\.$/);
    studio.server.behave.holdAfter = 2;
    await question.fill("And at the top?");
    await question.press("Enter");
    await answer.nth(1).locator(".token.mask").first().waitFor();
    await eventually(() => answer.nth(1).textContent()).toMatch(/\w/);
    studio.server.aborted = 0;
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByText("Stopped here.").waitFor();
    await eventually(() => studio.server.aborted).toBe(1);
    studio.server.behave.holdAfter = undefined;
    const sent = studio.server.requests.at(-1)?.body as { messages: { role: string; content: unknown }[] };
    expect(sent.messages.map(({ role }) => role)).toEqual(["user", "assistant", "user"]);
    expect(JSON.stringify(sent.messages[0]?.content)).toContain("data:image/png");
    expect(sent.messages[2]?.content).toBe("And at the top?");
    await page.getByRole("button", { name: "New conversation" }).click();
    await page.getByRole("heading", { name: "Talk about the picture" }).waitFor();
    await close();
  });

  test("what the model cannot read of a question is told beside it, here and in Describe", async () => {
    Object.assign(studio.server.behave, { converses: true, unknownWords: ["zebra"] });
    const { page, errors, close } = await open(studio.browser, `${studio.server.url}/#chat`);
    await page.getByText("rediff-demo").first().waitFor();
    await page.getByLabel("Your question").fill("Is the zebra left?");
    await page.getByRole("button", { name: "Ask", exact: true }).click();
    const question = page.getByRole("article", { name: "You" });
    await question.getByText('The model cannot read "zebra".').waitFor();
    expect(await question.locator(".unread").allInnerTexts()).toEqual(["zebra"]);
    expect(await question.locator("p").textContent()).toBe("Is the zebra left?");

    await page.getByRole("tab", { name: "Describe" }).click();
    await page.getByLabel("Question").fill("a zebra, a zebra, what else?");
    await page.getByRole("button", { name: "Run both" }).click();
    await page.getByRole("heading", { name: "Word for word" }).waitFor();
    const note = page.getByText('The model cannot read "zebra".', { exact: true });
    await note.waitFor();
    expect(await page.getByLabel("Question").getAttribute("aria-describedby")).toBe(await note.getAttribute("id"));
    await page.getByLabel("Question").fill("a cat?"); // another question is another matter
    await note.waitFor({ state: "hidden" });
    await page.getByRole("button", { name: "Run both" }).click();
    await page.getByRole("heading", { name: "Word for word" }).waitFor();
    expect(await note.count()).toBe(0);
    expect(errors).toEqual([]);
    Object.assign(studio.server.behave, { converses: undefined, unknownWords: [] });
    await close();
  });

  test("a chat answer that fails can be asked for again", async () => {
    studio.server.behave.converses = true;
    const { page, close } = await open(studio.browser, `${studio.server.url}/#chat`);
    await page.getByText("rediff-demo").first().waitFor();
    studio.server.behave.fail = { status: 500, message: "the worker ended" };
    await page.getByLabel("Your question").fill("What is there?");
    await page.getByRole("button", { name: "Ask", exact: true }).click();
    await page.getByText("the worker ended").waitFor();
    studio.server.behave.fail = undefined;
    await page.getByRole("button", { name: "Retry" }).click();
    await eventually(() => page.getByRole("article", { name: "Model" }).allInnerTexts()).toEqual([
      expect.stringContaining("the background is blue."),
    ]);
    await close();
  });
});
