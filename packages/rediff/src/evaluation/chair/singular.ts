/** Plurals to singulars with the mistakes that CHAIR's published numbers were made with: "bus" becomes "bu" and "ties"
 *  becomes "ty". The words and rules of the tables are those of the Pattern library (pattern.text.en, Tom De Smedt, after
 *  Bermi Ferrer's Inflector), in their order, since the numbers depend on each of them; its notice:
 *
 *  Copyright (c) 2012 University of Antwerp, Belgium. All rights reserved.
 *
 *  Redistribution and use in source and binary forms, with or without modification, are permitted provided that the
 *  following conditions are met:
 *  - Redistributions of source code must retain the above copyright notice, this list of conditions and the following
 *    disclaimer.
 *  - Redistributions in binary form must reproduce the above copyright notice, this list of conditions and the following
 *    disclaimer in the documentation and/or other materials provided with the distribution.
 *  - Neither the name of Pattern nor the names of its contributors may be used to endorse or promote products derived from
 *    this software without specific prior written permission.
 *
 *  THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND ANY EXPRESS OR IMPLIED WARRANTIES,
 *  INCLUDING, BUT NOT LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE
 *  DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT OWNER OR CONTRIBUTORS BE LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL,
 *  SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR SERVICES;
 *  LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER CAUSED AND ON ANY THEORY OF LIABILITY, WHETHER IN
 *  CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE OF THIS
 *  SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE. */

/** Left alone, and with them every ending of theirs: "is", for "chassis" ends in it. */
const unchanged = [
  ..."bison debris headquarters pincers trout bream diabetes herpes pliers tuna breeches djinn high-jinks".split(" "),
  ..."proceedings whiting britches eland homework rabies wildebeest carp elk innings salmon chassis flounder".split(
    " ",
  ),
  ..."jackanapes scissors christmas gallows mackerel series clippers georgia measles shears cod graffiti mews".split(
    " ",
  ),
  ..."species contretemps mumps swine corps news swiss".split(" "),
  ..."advice equipment happiness luggage software bread fruit information mathematics progress understanding".split(
    " ",
  ),
  ..."butter furniture ketchup mayonnaise research water cheese garbage knowledge meat rice electricity gravel".split(
    " ",
  ),
  ..."love mustard sand".split(" "),
];

/** Their plurals are left as they are. */
const inIe = [
  ..."alergie cutie hoagie newbie softie veggie auntie doggie hottie nightie sortie weenie beanie eyrie indie".split(
    " ",
  ),
  ..."oldie stoolie yuppie birdie freebie junkie sweetie zombie bogie goonie laddie pixie techie bombie".split(" "),
  ..."groupie laramie quickie collie hankie lingerie reverie toughie cookie hippie meanie rookie valkyrie".split(" "),
];

/** Endings: "women" is one of "men". */
const irregular: Readonly<Record<string, string>> = {
  ...{ atlantes: "atlas", atlases: "atlas", axes: "axe", beeves: "beef", brethren: "brother", children: "child" },
  ...{ corpora: "corpus", corpuses: "corpus", ephemerides: "ephemeris", feet: "foot", ganglia: "ganglion" },
  ...{ geese: "goose", genera: "genus", genii: "genie", graffiti: "graffito", helves: "helve", kine: "cow" },
  ...{ leaves: "leaf", loaves: "loaf", men: "man", mongooses: "mongoose", monies: "money", moves: "move" },
  ...{ mythoi: "mythos", numena: "numen", occipita: "occiput", octopodes: "octopus", opera: "opus", opuses: "opus" },
  ...{ our: "my", oxen: "ox", penes: "penis", penises: "penis", people: "person", sexes: "sex" },
  ...{ soliloquies: "soliloquy", teeth: "tooth", testes: "testis", trilbys: "trilby", turves: "turf", zoa: "zoon" },
};

/** The first that matches, with what it becomes. */
const endings: readonly (readonly [RegExp, string])[] = [
  [/(.)ae$/i, "$1a"],
  [/(.)itis$/i, "$1itis"],
  [/(.)eaux$/i, "$1eau"],
  [/(quiz)zes$/i, "$1"],
  [/(matr)ices$/i, "$1ix"],
  [/(ap|vert|ind)ices$/i, "$1ex"],
  [/^(ox)en/i, "$1"],
  [/(alias|status)es$/i, "$1"],
  // Meant for "octopi" and "viri": any of these letters will do.
  [/([octpvir|])i$/i, "$1us"],
  [/(cris|ax|test)es$/i, "$1is"],
  [/(shoe)s$/i, "$1"],
  [/(o)es$/i, "$1"],
  [/(bus)es$/i, "$1"],
  [/([ml|])ice$/i, "$1ouse"],
  [/(x|ch|ss|sh)es$/i, "$1"],
  [/(m)ovies$/i, "$1ovie"],
  [/(.)ombies$/i, "$1ombie"],
  [/(s)eries$/i, "$1eries"],
  [/([^aeiouy]|qu)ies$/i, "$1y"],
  [/([aeo]l)ves$/, "$1f"],
  [/([^d]ea)ves$/, "$1f"],
  [/arves$/, "arf"],
  [/erves$/, "erve"],
  [/([nlw]i)ves$/, "$1fe"],
  [/([lr])ves$/i, "$1f"],
  [/([aeo])ves$/, "$1ve"],
  [/(sive|tive|hive)s$/i, "$1"],
  [/([^f])ves$/i, "$1fe"],
  [/(analy|ba|diagno|parenthe|progno|synop|the)ses$/i, "$1sis"],
  [/(.)opses$/i, "$1opsis"],
  [/(.)yses$/i, "$1ysis"],
  [/(h|d|r|o|n|b|cl|p)oses$/i, "$1ose"],
  [/(fruct|gluc|galact|lact|ket|malt|rib|sacchar|cellul)ose$/i, "$1ose"],
  [/(.)oses$/i, "$1osis"],
  [/([ti])a$/i, "$1um"],
  [/(n)ews$/i, "$1ews"],
  [/s$/i, ""],
];

/** Words of which a compound goes on behind the noun: "mothers-in-law". */
const prepositions = new Set(
  [
    "about before during of till above behind except off to across below for on under after beneath from onto until",
    "among beside in out unto around besides into over upon at between near since with athwart betwixt beyond but by",
  ].flatMap((line) => line.split(" ")),
);

export function singular(word: string): string {
  const [first = "", second = "", ...rest] = word.split("-");
  if (prepositions.has(second)) return [singular(first), second, ...rest].join("-");
  if (word.endsWith("'")) return `${singular(word.slice(0, -1))}'s`;
  const lower = word.toLowerCase();
  if (unchanged.some((known) => known.endsWith(lower))) return word;
  if (inIe.some((known) => lower.endsWith(`${known}s`))) return lower;
  const odd = Object.keys(irregular).find((plural) => lower.endsWith(plural));
  if (odd !== undefined) return word.slice(0, word.length - odd.length) + (irregular[odd] ?? "");
  const ending = endings.find(([pattern]) => pattern.test(word));
  return ending === undefined ? word : word.replace(ending[0], ending[1]);
}
