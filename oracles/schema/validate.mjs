// Prints for each line of JSON what ajv says of it, by the schema that is named.
import { readFileSync } from "node:fs";
import Ajv from "ajv/dist/2020.js";

const validate = new Ajv.default({ strict: true }).compile(JSON.parse(readFileSync(process.argv[2], "utf8")));
for (const line of readFileSync(0, "utf8").split("\n").slice(0, -1)) {
  console.log(validate(JSON.parse(line)) ? "" : `${validate.errors[0].instancePath} ${validate.errors[0].message}`);
}
