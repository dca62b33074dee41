export { FlyDriveStorage, type FlyDriveDisk } from "./storages/flydrive-storage.ts";
