/** The module's bytes in base64, which the build makes. Users never see it. */
declare const base64: string;

export default base64;
