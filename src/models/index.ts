export type { ColumnType } from "./column-type.ts";
export type { ModelOptions } from "./lookup-model.ts";
export { prismaModel, type PrismaDelegate, type PrismaModelOptions } from "./prisma.ts";
export { sequelizeModel, type SequelizeModelClass, type SequelizeModelOptions } from "./sequelize.ts";
export {
  typeormModel,
  type TypeormColumn,
  type TypeormDataSource,
  type TypeormMetadata,
  type TypeormModelOptions,
  type TypeormQuery,
  type TypeormRepository,
} from "./typeorm.ts";
