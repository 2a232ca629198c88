/** What a new folder begins with. Lines that nobody fills in are shown to no model. */
export const TEMPLATES: Readonly<Record<string, string>> = {
  "IDENTITY.md": `# Identity

- **Name:** (what people call you)
- **Creature:** (what you are: an assistant, a fox, a lighthouse)
- **Vibe:** (how you come across: warm, dry, brisk)
- **Emoji:** (one that is yours)
`,
  "SOUL.md": "",
  "AGENTS.md": "",
  "USER.md": "",
  "MEMORY.md": "",
};
