import { DataSource, EntitySchema, In, Raw } from "typeorm";
import { describe, expect, it } from "vitest";
import { ImproperlyConfiguredError, ObjectDownloadView } from "downloadview";
import { typeormModel } from "downloadview/models";
import { assertDownloadResponse } from "downloadview/testing";
import { respond } from "../views/respond.ts";
import { describeFields, describeModel, documents, type Document, type DocumentModels } from "./document-contract.ts";

class DocumentEntity implements Document {
  declare id: number;
  declare slug: string;
  declare data: Uint8Array;
  declare key: string;
  declare title: string;
  declare type: string;
  declare modified: number;
  declare published: boolean;
  declare state: string;
  declare deleted: Date | null;
  get shout(): string {
    return this.title.toUpperCase();
  }
}

const schema = new EntitySchema<DocumentEntity>({
  name: "Document",
  target: DocumentEntity,
  tableName: "documents",
  columns: {
    id: { type: Number, primary: true, name: "document_id" },
    slug: { type: String },
    // Left out of every list: a download needs it all the same.
    data: { type: "blob", select: false },
    key: { type: "varchar" },
    title: { type: "text" },
    type: { type: String },
    modified: { type: "bigint" },
    published: { type: Boolean },
    state: { type: "simple-enum", enum: ["draft", "final"], default: "final" },
    deleted: { type: "datetime", deleteDate: true, nullable: true },
  },
});

async function source(): Promise<DataSource> {
  const opened = await new DataSource({ type: "sqljs", entities: [schema], synchronize: true }).initialize();
  await opened.getRepository(DocumentEntity).insert(documents.map((row) => ({ ...row })));
  return opened;
}

async function models(): Promise<DocumentModels> {
  const repository = (await source()).getRepository(DocumentEntity);
  return {
    all: typeormModel(repository),
    published: typeormModel(repository, { where: { published: true } }),
    first: typeormModel(repository, { where: { id: In([1]) } }),
    either: typeormModel(repository, { where: { id: Raw((id) => `${id} = 1 OR ${id} = 2`) } }),
  };
}

describeModel("TypeORM", models);

describe("typeormModel", () => {
  describeFields(models);

  it("gives entities of their class, with what that computes", async () => {
    const { all: model } = await models();
    const handler = ObjectDownloadView.asView({ model, fileField: "data", filenameField: "shout" });
    await assertDownloadResponse(respond(handler, { params: { pk: "1" } }), { filename: "REPÖRT.PDF" });
  });

  it("looks up by an enumeration, and by a boolean", async () => {
    const { all: model } = await models();
    expect(await model.findOne({ state: "final", id: "1" })).toBeInstanceOf(DocumentEntity);
    expect(await model.findOne({ state: "lost" })).toBeUndefined();
    expect(await model.findOne({ published: "false" })).toMatchObject({ id: 2 });
  });

  it("does not find what was softly deleted", async () => {
    const repository = (await source()).getRepository(DocumentEntity);
    const model = typeormModel(repository);
    await repository.softDelete({ id: 1 });
    expect(await model.findOne({ id: "1" })).toBeNull();
  });

  it.each([{ where: { nmae: 1 } }, { columns: { nmae: "text" } }] as const)(
    "refuses %j when it is made",
    async (options) => {
      const repository = (await source()).getRepository(DocumentEntity);
      expect(() => typeormModel(repository, options)).toThrow(ImproperlyConfiguredError);
      expect(() => typeormModel(repository, options)).toThrow('no column "nmae" in Document');
    },
  );

  it("says that the data source must be initialised first", () => {
    const unopened = new DataSource({ type: "sqljs", entities: [schema] });
    expect(() => typeormModel(unopened.getRepository(DocumentEntity))).toThrow("Initialize the DataSource");
  });
});
