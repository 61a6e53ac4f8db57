/** A model's text for a terminal: control characters, which would move the cursor, become dots; lines stay. */
export const printable = (text: string): string => text.replace(/(?!\n)\p{Cc}/gu, "\u00b7");
