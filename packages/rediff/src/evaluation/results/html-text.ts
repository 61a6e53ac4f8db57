/** Text of models, data sets and users as HTML has it: nothing of it is markup. */
export const escaped = (text: string): string => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
