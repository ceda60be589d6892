/** Chromium's virtual authenticator (CDP, domain WebAuthn). */

/** @typedef {{ client: import("puppeteer-core").CDPSession, id: string }} VirtualAuthenticator */

/**
 * Gives a page a platform authenticator that keeps passkeys, verifies the user and asks nobody.
 *
 * @param {import("puppeteer-core").Page} page
 * @returns {Promise<VirtualAuthenticator>}
 */
export async function addAuthenticator(page) {
  const client = await page.createCDPSession();
  await client.send("WebAuthn.enable", { enableUI: false });
  const { authenticatorId: id } = await client.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      ctap2Version: "ctap2_1",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return { client, id };
}

/**
 * Returns the passkeys of an authenticator.
 *
 * @param {VirtualAuthenticator} authenticator
 */
export async function credentialsOf({ client, id }) {
  const { credentials } = await client.send("WebAuthn.getCredentials", { authenticatorId: id });
  return credentials;
}
